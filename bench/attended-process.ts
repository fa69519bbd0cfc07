/** Servers as processes that end with the process that started them, even where that one is killed. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Starts a program behind a shell that sends it the signal as soon as our end of the shell's input closes. A terminal's
 * Ctrl-C does not reach it: those who started it end it in their own order.
 */
export function spawnAttended(
  command: readonly string[],
  {
    signal,
    output,
    ...options
  }: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> & {
    readonly signal: 'INT' | 'TERM';
    /** Where stdout and stderr go. */
    readonly output: readonly ['ignore' | number, 'pipe' | 'inherit' | number];
  },
): ChildProcess {
  const script = `"$@" & server=$!; cat > /dev/null; kill -${signal} $server; wait $server`;
  return spawn('sh', ['-c', script, 'sh', ...command], { ...options, detached: true, stdio: ['pipe', ...output] });
}

/** Sends the signal, and resolves with the program's exit code when it is gone. */
export async function endAttended(shell: ChildProcess): Promise<number | null> {
  if (shell.exitCode !== null || shell.signalCode !== null) return shell.exitCode;
  shell.stdin?.end();
  const [code] = (await once(shell, 'close')) as [number | null];
  return code;
}
