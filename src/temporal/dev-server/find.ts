/** Where the Temporal dev server's program is found: named, installed, cached, downloaded or built, in this order. */

import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../../domain/log.ts';

const run = promisify(execFile);

/** The pinned version of tools/temporal; the cache is kept by it. */
export const SERVER_VERSION = '1.8.2';

export interface ServerSearch {
  /** `TEMPORAL_CLI_PATH`: used alone when it is set. */
  readonly cliPath: string | null;
  /** The user's cache folder; the program is kept below it, outside the checkout. */
  readonly cacheDir: string;
  /** The folder of our package.json, where the SDK and the pinned module are found. */
  readonly packageRoot: string;
  readonly log: Log;
  /** Ends a download or a build that is under way. */
  readonly signal?: AbortSignal;
}

/** What a step that fetches the program gets. */
export interface FetchOrder extends Pick<ServerSearch, 'packageRoot'> {
  readonly target: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The steps that leave this machine or take minutes; tests replace them. */
export interface SearchSteps {
  /** Whether a program runs at all. */
  runs(program: string, args: readonly string[]): Promise<boolean>;
  /** Puts the program at `target`; throws with the reason when it cannot. */
  download(order: FetchOrder): Promise<void>;
  build(order: FetchOrder): Promise<void>;
}

const PROBE_MS = 15_000;

async function runs(program: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(program, [...args], { timeout: PROBE_MS });
    return true;
  } catch {
    return false;
  }
}

const REAL_STEPS: SearchSteps = { runs, download: downloadServer, build: buildServer };

/** Where the program is cached. */
export function cachedServerPath(cacheDir: string): string {
  return join(cacheDir, `temporal-${SERVER_VERSION}`, 'temporal');
}

/** @throws Error that says so where the program that `TEMPORAL_CLI_PATH` names does not run. */
export async function checkNamedServer(cliPath: string, steps: Pick<SearchSteps, 'runs'> = REAL_STEPS): Promise<void> {
  if (await steps.runs(cliPath, ['--version'])) return;
  throw new Error(
    `TEMPORAL_CLI_PATH names ${cliPath}, which does not run; for example TEMPORAL_CLI_PATH=/usr/local/bin/temporal`,
  );
}

/**
 * The path (or name on PATH) of a `temporal` program that runs.
 * @throws Error that says what to install when every step fails, or that TEMPORAL_CLI_PATH does not run.
 */
export async function findServer(search: ServerSearch, steps: SearchSteps = REAL_STEPS): Promise<string> {
  const { cliPath, log } = search;
  const isTemporal = (program: string) => steps.runs(program, ['--version']);
  if (cliPath !== null) {
    await checkNamedServer(cliPath, steps);
    return found(log, 'TEMPORAL_CLI_PATH', cliPath);
  }
  if (await isTemporal('temporal')) return found(log, 'PATH', 'temporal');
  log.info({}, 'looking for the Temporal dev server: no temporal on PATH');
  const cached = cachedServerPath(search.cacheDir);
  if (await isTemporal(cached)) return found(log, 'cache', cached);
  log.info({ path: cached }, 'looking for the Temporal dev server: not in the cache');
  const { packageRoot, signal = new AbortController().signal } = search;
  return await fetchServer({ target: cached, packageRoot, log, signal }, steps);
}

function found(log: Log, where: string, path: string): string {
  log.info({ where, path }, 'Temporal dev server found');
  return path;
}

async function fetchServer(order: FetchOrder, steps: SearchSteps): Promise<string> {
  const { target, log, signal } = order;
  const reasons: string[] = [];
  mkdirSync(dirname(target), { recursive: true });
  for (const [where, fetch] of [
    ['download', steps.download],
    ['build', steps.build],
  ] as const) {
    try {
      await fetch(order);
      if (await steps.runs(target, ['--version'])) return found(log, where, target);
      reasons.push(`${where}: the program does not run`);
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      reasons.push(`${where}: ${reason}`);
      log.info({ where, reason }, 'looking for the Temporal dev server: step failed');
    }
  }
  throw new Error(
    `No Temporal dev server (${reasons.join('; ')}). Install Temporal's command line (https://docs.temporal.io/cli) ` +
      'so that `temporal` is on PATH or TEMPORAL_CLI_PATH names it, or install Go 1.26 to have it built, ' +
      'or set TEMPORAL_ADDRESS to a running server.',
  );
}

/** Nothing arriving for this long means that the download's host is out of reach. */
const FIRST_BYTE_MS = 15_000;
const DOWNLOAD_MS = 300_000;

/** Runs in a process of its own, so that it can be ended at any time and leaves no runtime behind in ours. */
const DOWNLOAD_SCRIPT = `
const { Runtime } = require('@temporalio/worker');
const [downloadDir, version] = process.argv.slice(1);
const exe = { type: 'cached-download', downloadDir, version, ttl: 86400000, sdkName: 'sdk-typescript', sdkVersion: '1' };
const server = { type: 'dev-server', exe, ip: '127.0.0.1', port: null, uiPort: null, ui: false, namespace: 'default',
  dbFilename: null, log: { format: 'pretty', level: 'error' }, extraArgs: [] };
Runtime.instance().createEphemeralServer(server)
  .then((started) => Runtime.instance().shutdownEphemeralServer(started))
  .then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
`;

/** The SDK's own download of the pinned version, bounded: many machines cannot reach it. */
async function downloadServer({ target, packageRoot, log, signal }: FetchOrder): Promise<void> {
  log.info({}, 'looking for the Temporal dev server: trying the SDK’s download');
  const downloadDir = `${target}.download-${process.pid}`;
  mkdirSync(downloadDir, { recursive: true });
  try {
    await runDownload({ downloadDir, packageRoot, signal });
    const [file] = readdirSync(downloadDir).filter((name) => !name.endsWith('.downloading'));
    if (file === undefined) throw new Error('the download left no file');
    renameSync(join(downloadDir, file), target);
  } finally {
    rmSync(downloadDir, { recursive: true, force: true });
  }
}

function runDownload({
  downloadDir,
  packageRoot,
  signal,
}: Pick<FetchOrder, 'packageRoot' | 'signal'> & { readonly downloadDir: string }): Promise<void> {
  const child = spawn(process.execPath, ['-e', DOWNLOAD_SCRIPT, downloadDir, `v${SERVER_VERSION}`], {
    cwd: packageRoot,
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let reason = '';
  child.stderr.on('data', (chunk: Buffer) => {
    reason = (reason + chunk.toString()).slice(-500);
  });
  const giveUp = (why: string) => {
    reason = why;
    child.kill('SIGKILL');
  };
  const firstByte = setTimeout(() => {
    if (readdirSync(downloadDir).length === 0) giveUp(`nothing arrived within ${FIRST_BYTE_MS / 1000} s`);
  }, FIRST_BYTE_MS);
  const whole = setTimeout(() => giveUp(`not finished within ${DOWNLOAD_MS / 1000} s`), DOWNLOAD_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(firstByte);
      clearTimeout(whole);
      if (code === 0) resolve();
      else reject(new Error(reason.trim() || `ended with code ${code}`));
    });
  });
}

const BUILD_MS = 30 * 60_000;
const PROGRESS_MS = 30_000;

/** Builds the pinned module with the Go toolchain, beside its place first, so that a half-built file is never run. */
async function buildServer({ target, packageRoot, log, signal }: FetchOrder): Promise<void> {
  const toolsDir = join(packageRoot, 'tools', 'temporal');
  if (!existsSync(join(toolsDir, 'go.sum'))) throw new Error(`${toolsDir} is not there`);
  if (!(await runs('go', ['version']))) throw new Error('no Go toolchain on PATH');
  log.info({ target }, 'building the Temporal dev server with Go, once: about 3 to 4 minutes');
  const startedMs = Date.now();
  const progress = setInterval(() => {
    log.info({ seconds: Math.round((Date.now() - startedMs) / 1000) }, 'still building the Temporal dev server');
  }, PROGRESS_MS);
  const unfinished = `${target}.tmp-${process.pid}`;
  const args = ['build', '-trimpath', '-ldflags=-s -w', '-o', unfinished, 'github.com/temporalio/cli/cmd/temporal'];
  try {
    await run('go', args, { cwd: toolsDir, timeout: BUILD_MS, maxBuffer: 16 * 1024 * 1024, signal });
    renameSync(unfinished, target);
  } finally {
    clearInterval(progress);
    rmSync(unfinished, { force: true });
  }
}
