/** Clipyard as a process of its own in a process group of its own, so that a test can kill all of it at once. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(__dirname, '../..');
export const ROOT_KEY = 'cy_root_key_of_the_process_tests';

const READY_TRIES = 600;
const BETWEEN_TRIES_MS = 100;

/** A create that was killed while it was sent is sent again 100 s later at the earliest: tries that outlast it and its clip. */
export const ENDED_TRIES = 2400;

/** Compiles the checkout, as the programs do by themselves, before several of them start at once. */
export function compile(): void {
  execFileSync('node', ['-e', "import('./bin/prepare-checkout.js').then((it) => it.prepareCheckout())"], {
    cwd: ROOT,
    stdio: 'ignore',
  });
}

export interface ClipyardProcess {
  readonly child: ChildProcess;
  output(): string;
  /** SIGKILL to the process and everything that it started. */
  killTree(): Promise<void>;
  /** SIGTERM to the process alone; its exit code. */
  terminate(): Promise<number | null>;
}

/** What each of the file's processes has printed. */
const outputs: (() => string)[] = [];
const SHOWN_LENGTH = 4_000;

/** What was waited for in vain, with the ends of what all processes of the file have printed. */
function inVain(message: string): Error {
  return new Error([message, ...outputs.map((output) => output())].join('\n\n'));
}

/** Starts a command with exactly these settings. */
export function startClipyard(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const { PATH = '', HOME = '', TEMPORAL_CLI_PATH = '' } = process.env;
  const child = spawn(process.execPath, ['bin/clipyard.js', ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, TEMPORAL_CLI_PATH, CLIPYARD_ROOT_KEY: ROOT_KEY, ...settings },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-100_000);
    });
  }
  outputs.push(
    () =>
      `clipyard ${args.join(' ')} (${child.exitCode ?? child.signalCode ?? 'runs'}):\n${output.slice(-SHOWN_LENGTH)}`,
  );
  const exited = once(child, 'exit');
  return {
    child,
    output: () => output,
    async killTree() {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, 'SIGKILL');
      await exited;
    },
    async terminate() {
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
}

/** Resolves when the URL answers 200. */
export async function untilReady(url: string): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.status === 200) return;
    await sleep(BETWEEN_TRIES_MS);
  }
  throw inVain(`${url} does not answer 200`);
}

/** Resolves with what the pattern's group caught in the output. */
export async function untilPrinted({ output }: ClipyardProcess, pattern: RegExp): Promise<string> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const [, caught] = pattern.exec(output()) ?? [];
    if (caught !== undefined) return caught;
    await sleep(BETWEEN_TRIES_MS);
  }
  throw inVain(`${pattern} was not printed`);
}

/** Our own routes of a running gateway, asked as root. */
export function askAs(key: string, baseUrl: string) {
  return async function ask(path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await fetch(`${baseUrl}${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
}

type Ask = ReturnType<typeof askAs>;

/** Polls until the videos are where the test wants them; returns their snapshots. */
export async function untilVideos(
  ask: Ask,
  ids: readonly string[],
  reached: (snapshots: readonly Record<string, unknown>[]) => boolean,
): Promise<readonly Record<string, unknown>[]> {
  let snapshots: readonly Record<string, unknown>[] = [];
  for (let tries = 0; tries < ENDED_TRIES; tries++) {
    snapshots = await Promise.all(ids.map((id) => ask(`/clipyard/v1/videos/${id}`)));
    if (reached(snapshots)) return snapshots;
    await sleep(BETWEEN_TRIES_MS);
  }
  throw inVain(`the videos stay as they are: ${JSON.stringify(snapshots.map(({ id, state }) => ({ id, state })))}`);
}

/** Creates videos through the airforce dialect. */
export async function createVideos(ask: Ask, n: number, prefix: string): Promise<readonly string[]> {
  const bodies = Array.from({ length: n }, (_, index) => ({
    model: 'sandbox-mini',
    prompt: `${prefix} ${index}`,
    duration_seconds: 2,
  }));
  const tasks = await Promise.all(bodies.map((body) => ask('/airforce/v1/video/generations', body)));
  return tasks.map(({ task_id }) => String(task_id));
}

/** Resolves when models are on offer: a worker reads them from the upstreams. */
export async function untilModels(ask: Ask): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const { data } = await ask('/airforce/v1/models').catch(() => ({ data: [] }));
    if (Array.isArray(data) && data.length > 0) return;
    await sleep(BETWEEN_TRIES_MS);
  }
  throw inVain('no model is on offer');
}

/** What the ledger has settled in all. */
export async function readSettled(ask: Ask): Promise<number> {
  const { items } = (await ask('/clipyard/v1/ledger?limit=200')) as {
    items: { kind: string; amountMicroUsd: number }[];
  };
  return items.filter(({ kind }) => kind === 'settle').reduce((sum, { amountMicroUsd }) => sum - amountMicroUsd, 0);
}
