/** A running Clipyard for unmodified clients: `clipyard up` as a process, with a sandbox of the test's own. */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCanvas } from '@napi-rs/canvas';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import { ROOT_KEY } from '../system/clipyard-process.ts';
import { startClipyardUp } from '../system/clipyard-up.ts';
import type { Upstreams } from '../system/upstreams.ts';

const SPEED = 40;
/** A client that hangs is ended before jest's own limit, so that its output is seen. */
const CLIENT_TIMEOUT_MS = 120_000;

/** What a client of the tests is told. */
export interface ClientInput {
  readonly url: string;
  /** Root's. */
  readonly key: string;
  /** A picture to start from, as a file. */
  readonly image: string;
  /** Of this machine; what listens there may be told of ends. */
  readonly receiverPort: number;
  readonly [more: string]: unknown;
}

/** The account's models, and one that clients of OpenAI know by name. */
function upstreamsAt(sandboxUrl: string): Upstreams {
  return {
    accounts: [
      {
        id: 'sandbox',
        provider: 'airforce',
        baseUrl: `${sandboxUrl}/airforce`,
        timing: { firstPollMs: 100, minPollMs: 100, maxPollMs: 500 },
      },
    ],
    models: [
      {
        id: 'sora-2',
        account: 'sandbox',
        upstreamModel: 'sandbox-mini',
        pricePerSecondMicroUsd: 10_000,
        durationsSeconds: [4, 8],
        aspectRatios: ['9:16', '16:9'],
        qualities: ['720p'],
        modes: ['text', 'image'],
      },
    ],
  };
}

function picture(): Buffer {
  const canvas = createCanvas(320, 180);
  const context = canvas.getContext('2d');
  context.fillStyle = 'seagreen';
  context.fillRect(0, 0, 320, 180);
  return canvas.toBuffer('image/png');
}

/** Starts it; `close` ends everything. */
export async function startClipyardForClients() {
  const sandbox = await startSandbox({ host: '127.0.0.1', port: 0, dataDir: null, speed: SPEED });
  const receiverPort = await freePort(0);
  const trusted = { CLIPYARD_TRUSTED_HOSTS: `127.0.0.1:${receiverPort}` };
  const started = await startClipyardUp(upstreamsAt(sandbox.url), trusted).catch(async (error: unknown) => {
    await sandbox.close();
    throw error;
  });
  const { url, folder, ask, close } = started;
  const image = join(folder, 'start.png');
  await writeFile(image, picture());
  const input: ClientInput = { url, key: ROOT_KEY, image, receiverPort };
  const tester = new SandboxClient(sandbox.url);

  return {
    url,
    input,
    ask,
    /** The key of a new caller. */
    async join(caller: object): Promise<string> {
      return String((await ask('/clipyard/v1/callers', { name: 'client', ...caller }))['key']);
    },
    faults: (faults: readonly object[]) => tester.configure({ faults }),
    /** What the upstream was asked for. */
    async requests(): Promise<readonly Record<string, unknown>[]> {
      return (await tester.bill()).tasks.map(({ request }) => request);
    },
    async close(): Promise<void> {
      await close();
      await sandbox.close();
    },
  };
}

export type RunningClipyard = Awaited<ReturnType<typeof startClipyardForClients>>;

/** Runs a client's program; what it found is the JSON in the last line that it prints. */
export async function runClient<Found>(program: string, args: readonly string[], input: ClientInput): Promise<Found> {
  const { stdout } = await promisify(execFile)(program, [...args, JSON.stringify(input)], {
    cwd: __dirname,
    timeout: CLIENT_TIMEOUT_MS,
    maxBuffer: 16 * 1024 * 1024,
  });
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  return JSON.parse(line) as Found;
}

/** Callers of a client of its own: one that may do what it likes, and three that meet a limit each; their keys. */
export async function joinCallers({ join }: Pick<RunningClipyard, 'join'>) {
  return {
    key: await join({ creditMicroUsd: 1e9 }),
    keys: {
      poor: await join({ creditMicroUsd: 1 }),
      limited: await join({ creditMicroUsd: 1e9, models: ['sandbox-mini'] }),
      narrow: await join({ creditMicroUsd: 1e9, overflow: 'reject', maxRunningVideos: 1 }),
    },
  };
}
