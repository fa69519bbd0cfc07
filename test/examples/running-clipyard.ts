/** A Clipyard as `npm start` makes it, or as a team runs it, and the programs of pages run against it. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStack } from '../../scripts/open-stack.ts';
import { readClip } from '../sandbox/mp4-reader.ts';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import { askAs, compile, ROOT_KEY, untilModels } from '../system/clipyard-process.ts';
import { startClipyardUp } from '../system/clipyard-up.ts';

const execute = promisify(execFile);
/** Half a minute of rendering in less than a second. */
const SPEED = 50;

/** What a `curl` command of a page was answered. */
export interface CurlAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Set by `npm run topology`. */
const TOPOLOGY = 'CLIPYARD_TEST_TOPOLOGY';

/** Everything embedded; or servers, gateways and workers by themselves. */
async function startSubject() {
  if (process.env[TOPOLOGY] === undefined) {
    const up = await startClipyardUp();
    return { ...up, sandbox: await up.embeddedSandbox() };
  }
  compile();
  const stack = await openStack({ speed: SPEED, tasksAtOnce: 4, rootKey: ROOT_KEY });
  const ask = askAs(ROOT_KEY, stack.url);
  await untilModels(ask);
  return { ...stack, ask, dataDir: stack.folder, sandbox: new SandboxClient(stack.sandboxUrl) };
}

/** Starts all of it, with the sandbox as upstream. */
export async function startExamples() {
  const { url, ask, dataDir, sandbox, close } = await startSubject();
  // Options that are none of the example's stand where curl looks for the user's own.
  await writeFile(join(dataDir, '.curlrc'), 'silent\nshow-error\nwrite-out = "\\n%{http_code}"\n');
  const setFaults = (...faults: readonly object[]) => sandbox.configure({ faults, speed: SPEED });
  await setFaults();

  return {
    url,
    ask,
    setFaults,
    /** A folder for what examples need on disk. */
    dataDir,
    /** Runs a command of a page in a shell. */
    async curl(command: string, variables: Readonly<Record<string, string>> = {}): Promise<CurlAnswer> {
      const env = { PATH: process.env['PATH'] ?? '', CURL_HOME: dataDir, ...variables };
      const { stdout } = await execute('sh', ['-c', command], { env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
      const at = stdout.lastIndexOf('\n');
      return { status: Number(stdout.slice(at + 1)), body: JSON.parse(stdout.slice(0, at)) };
    },
    /** Runs a JavaScript program; resolves with what it printed. */
    async node(program: string): Promise<string> {
      const file = join(dataDir, 'program.mjs');
      await writeFile(file, program);
      return (await execute('node', [file], { timeout: 60_000 })).stdout.trim();
    },
    async get(path: string) {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${ROOT_KEY}` } });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    async ended(id: unknown): Promise<Record<string, unknown>> {
      for (;;) {
        const video = await ask(`/clipyard/v1/videos/${id}`);
        if (video['endedAt'] !== null) return video;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    close,
  };
}

export type Examples = Awaited<ReturnType<typeof startExamples>>;

/** A clip's length and frame, once a player has decoded all of it. */
export async function played(clip: Buffer) {
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-played-'));
  const file = join(folder, 'clip.mp4');
  await writeFile(file, clip);
  const { stderr } = await execute('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-']);
  await rm(folder, { recursive: true });
  if (stderr !== '') throw new Error(stderr);
  return await readClip(clip);
}

/** The clip that a link leads to, without any key. */
export async function download(link: unknown): Promise<Buffer> {
  const answer = await fetch(String(link));
  if (answer.status !== 200) throw new Error(`the link is answered ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
