/** Runs `clipyard …` as users do and tells what came of it. */

import { execFile } from 'node:child_process';
import { resolve } from 'node:path';

export const PROGRAM = resolve(__dirname, '../../bin/clipyard.js');
/** A command that hangs is ended before jest's own limit, so that its output is seen. */
const TIMEOUT_MS = 120_000;

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Commands in a folder, with these settings and no others. */
export function commandsIn(folder: string, settings: Readonly<Record<string, string>>) {
  const { PATH = '', HOME = '' } = process.env;
  return async function clipyard(...args: readonly string[]): Promise<CommandResult> {
    const options = { cwd: folder, timeout: TIMEOUT_MS, env: { PATH, HOME, ...settings } };
    return await new Promise((done) => {
      execFile(process.execPath, [PROGRAM, ...args], options, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : Number(error.code ?? Number.NaN);
        done({ exitCode, stdout, stderr });
      });
    });
  };
}
