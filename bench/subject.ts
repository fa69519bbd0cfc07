/** What is measured: settings of a fresh Clipyard, its log, and its commands as processes of their own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { PROCESS_SETTINGS } from '../src/config/environment.ts';
import { packageRoot } from '../src/config/package-root.ts';
import { atPort, type Config, embeddedOnly, loadConfig } from '../src/config/settings.ts';
import type { AccountConfig } from '../src/domain/account.ts';
import { type Log, openLog } from '../src/observe/log.ts';
import { startGateway } from '../src/process/gateway.ts';
import { TemporalLink } from '../src/process/link.ts';
import { openParts, type Parts } from '../src/process/parts.ts';
import { freePort } from '../src/temporal/dev-server/process.ts';
import type { BenchContext } from './benchmark.ts';

/** The settings of an embedded Clipyard in the benchmark's directory; the user's own are not read. */
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

/** A gateway that listens, over its catalog, in this process; no worker, and Temporal only once the link is opened. */
export async function startSubjectGateway(
  given: BenchContext,
  account: Partial<AccountConfig>,
): Promise<{ readonly parts: Parts; readonly link: TemporalLink }> {
  const context = { ...given, log: openSubjectLog(given) };
  const config = await subjectConfig(context, account);
  const parts = await openParts(config, context);
  const link = new TemporalLink(config, context);
  await startGateway({ parts, link, checkWorkers: async () => undefined, context });
  return { parts, link };
}

/** What the command prints behind `name` once it is ready. */
async function readPrinted({ stdout }: ChildProcess, name: string): Promise<string> {
  if (stdout === null) throw new Error('the command has no output');
  for await (const line of createInterface(stdout)) {
    const [word, value] = line.split(/\s+/);
    if (word === name && value !== undefined) return value;
  }
  throw new Error(`the command ended before it printed its ${name}`);
}

interface CommandOrder {
  readonly args: readonly string[];
  readonly settings?: NodeJS.ProcessEnv;
  /** The word before what is printed once it is ready. */
  readonly prints: string;
}

export interface StartedCommand {
  readonly pid: number;
  /** What stands behind the word. */
  readonly printed: string;
}

/** Starts one of Clipyard's commands; resolves once it is ready. */
export async function startCommand({ dataDir, closers }: BenchContext, order: CommandOrder): Promise<StartedCommand> {
  const program = join(packageRoot(), 'bin', 'clipyard.js');
  const log = openSync(join(dataDir, `${order.prints}.log`), 'a');
  const child = spawn(process.execPath, [program, ...order.args], {
    // No `clipyard.yaml` lies there.
    cwd: dataDir,
    stdio: ['ignore', 'pipe', log],
    env: { ...process.env, ...order.settings },
  });
  const exited = once(child, 'exit');
  closers.add(order.prints, async () => {
    child.kill();
    await exited;
  });
  const printed = await readPrinted(child, order.prints);
  if (child.pid === undefined) throw new Error('the command was not started');
  return { pid: child.pid, printed };
}

/** The root key of a subject. */
export const ROOT_KEY = 'cy_root_key_of_the_benchmark';

/** The embedded Clipyard, whatever else the environment names. */
const NOTHING_SHARED = {
  [PROCESS_SETTINGS.databaseUrl.name]: '',
  [PROCESS_SETTINGS.temporalAddress.name]: '',
  [PROCESS_SETTINGS.temporalProfile.name]: '',
  [PROCESS_SETTINGS.configFile.name]: '',
};

/** Starts everything in one process; resolves when its workers poll. */
export async function startEmbedded(
  context: BenchContext,
  more: NodeJS.ProcessEnv = {},
): Promise<{ readonly pid: number; readonly url: string }> {
  const port = await freePort(0);
  const own = { CLIPYARD_DATA_DIR: context.dataDir, CLIPYARD_PORT: String(port), CLIPYARD_ROOT_KEY: ROOT_KEY };
  const settings = { ...NOTHING_SHARED, ...own, ...more };
  // Its last line.
  const { pid } = await startCommand(context, { args: ['up'], settings, prints: 'temporal' });
  return { pid, url: `http://127.0.0.1:${port}` };
}

/** Starts a sandbox that works at this speed; its URL. */
export async function startSandboxProcess(context: BenchContext, speed: number): Promise<string> {
  const args = ['sandbox', '--port', '0', '--speed', String(speed)];
  return (await startCommand(context, { args, prints: 'sandbox' })).printed;
}
