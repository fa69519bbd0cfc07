/** Benchmark `large-bodies`: how long `/healthz` waits beside ten bodies of 16 MiB that mean harm, and without them. */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Pool } from 'undici';
import { JSON_BODY_BYTES } from '../src/http/body.ts';
import type { BenchContext, Comparison, Outcome } from './benchmark.ts';
import { median } from './statistics.ts';
import { ROOT_KEY, startEmbedded } from './subject.ts';

const run = promisify(execFile);

const AT_ONCE = 10;
const ROUNDS = 5;
const ALONE_MS = 6_000;
/** Before the first, for what a start leaves to be done. */
const SETTLE_MS = 8_000;
/** Before and after the bodies. */
const BESIDE_MS = 500;
const BETWEEN_LOOKS_MS = 5;
const MOST_TIMES = 3;

const fill = (piece: string, head = '', tail = '') =>
  head + piece.repeat(Math.floor((JSON_BODY_BYTES - head.length - tail.length) / Buffer.byteLength(piece))) + tail;
const prompt = (piece: string) => fill(piece, '{"model":"sandbox-mini","prompt":"', '"}');

/** What costs most to look through, to parse or to keep. */
const BODIES = {
  objects: fill('{},', '[', '{}]'),
  depth: fill('['),
  numbers: fill('0,', '[', '0]'),
  'empty texts': fill('"",', '[', '""]'),
  'escaped quotes': prompt('\\"'),
  'escaped letters': prompt('\\u0041'),
  'letters beyond ASCII': prompt('\u00e9'),
  'images that are none': fill(
    'QUJD',
    '{"model":"sandbox-mini","prompt":"a","mode":"image","input_images":[{"b64_json":"',
    '"}]}',
  ),
};

/** Asks for `/healthz` until the work has ended; the longest wait for an answer. */
async function slowestBeside(pool: Pool, work: () => Promise<unknown>): Promise<number> {
  const working = { goesOn: true };
  const end = work().finally(() => {
    working.goesOn = false;
  });
  let slowestMs = 0;
  while (working.goesOn) {
    const startedMs = performance.now();
    const { body } = await pool.request({ method: 'GET', path: '/healthz' });
    await body.text();
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    await sleep(BETWEEN_LOOKS_MS);
  }
  await end;
  return slowestMs;
}

/** Each sender is a process of its own; whatever they are answered. */
async function sendAll(url: string, file: string, headers: readonly string[]): Promise<void> {
  const named = ['content-type: application/json', ...headers].flatMap((header) => ['--header', header]);
  const args = ['--silent', '--output', '/dev/null', ...named, '--data-binary', `@${file}`, url];
  await sleep(BESIDE_MS);
  await Promise.all(Array.from({ length: AT_ONCE }, () => run('curl', args)));
  await sleep(BESIDE_MS);
}

export async function largeBodies(context: BenchContext): Promise<Outcome> {
  const { url } = await startEmbedded(context);
  const pool = new Pool(url, { connections: 1 });
  context.closers.add('client of /healthz', () => pool.close());
  const fileOf = (name: string) => join(context.dataDir, `${name}.json`);
  for (const [name, body] of Object.entries(BODIES)) writeFileSync(fileOf(name), body);
  const creates = Object.keys(BODIES).map((name) => ({
    what: `a caller's creates of ${name}`,
    send: () => sendAll(`${url}/airforce/v1/video/generations`, fileOf(name), [`authorization: Bearer ${ROOT_KEY}`]),
  }));
  const stranger = { what: 'bodies at a path that is none', send: () => sendAll(`${url}/nope`, fileOf('objects'), []) };
  const kinds = [stranger, ...creates].map((kind) => ({ ...kind, slowestMs: [] as number[] }));
  const aloneMs: number[] = [];
  await sleep(SETTLE_MS, undefined, { signal: context.stop });
  for (let round = 0; round < ROUNDS; round += 1) {
    aloneMs.push(await slowestBeside(pool, () => sleep(ALONE_MS, undefined, { signal: context.stop })));
    for (const { send, slowestMs } of kinds) slowestMs.push(await slowestBeside(pool, send));
  }
  const compare = ({ what, slowestMs }: (typeof kinds)[number]): Comparison => ({
    what: `slowest /healthz beside ${what}, ${AT_ONCE} of 16 MiB, and without`,
    unit: 'ms',
    ours: median(slowestMs),
    baseline: median(aloneMs),
    bar: { atMost: MOST_TIMES },
  });
  return {
    comparisons: kinds.map(compare),
    figures: {
      rounds: ROUNDS,
      aloneMs,
      beside: Object.fromEntries(kinds.map(({ what, slowestMs }) => [what, slowestMs])),
    },
  };
}
