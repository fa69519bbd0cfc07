/** What is measured: settings of a fresh Clipyard, its log, and the sandbox as an upstream in a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { type AccountConfig, atPort, type Config, embeddedOnly, loadConfig } from '../src/config.ts';
import { type Log, openLog } from '../src/logging.ts';
import { packageRoot } from '../src/temporal/find-server.ts';
import { freePort } from '../src/temporal/server-process.ts';
import type { BenchContext } from './benchmark.ts';

/** The settings of an embedded Clipyard in the benchmark's directory, whatever the user's own are. */
export async function subjectConfig({ dataDir }: BenchContext, account: Partial<AccountConfig>): Promise<Config> {
  const defaults = embeddedOnly(loadConfig());
  return {
    ...atPort(defaults, await freePort(0)),
    dataDir,
    accounts: defaults.accounts.map((one) => ({ ...one, ...account })),
    // Named, so that the all-in-one starts no sandbox of its own.
    configFile: 'the benchmark',
    logLevel: 'info',
  };
}

/** The log at its usual level: what it costs belongs to what is measured. */
export function openSubjectLog({ dataDir }: BenchContext): Log {
  return openLog('info', pino.destination({ dest: join(dataDir, 'clipyard.log'), sync: true }));
}

async function readUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the sandbox has no output');
  for await (const line of createInterface(child.stdout)) {
    const url = /^sandbox\s+(\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the sandbox ended before it listened');
}

/** Starts a sandbox that works at this speed; its URL. */
export async function startSandboxProcess({ dataDir, closers }: BenchContext, speed: number): Promise<string> {
  const program = join(packageRoot(), 'bin', 'clipyard.js');
  const log = openSync(join(dataDir, 'sandbox.log'), 'a');
  const args = [program, 'sandbox', '--port', '0', '--speed', String(speed)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', log] });
  const exited = once(child, 'exit');
  closers.add('sandbox', async () => {
    child.kill();
    await exited;
  });
  return await readUrl(child);
}
