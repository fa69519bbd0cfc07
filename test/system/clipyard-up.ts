/** `clipyard up` as a process, in a folder of its own: started as often as the test likes, at one port. */

import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import {
  askAs,
  type ClipyardProcess,
  compile,
  ROOT_KEY,
  startClipyard,
  untilModels,
  untilReady,
} from './clipyard-process.ts';
import { type Upstreams, writeUpstreams } from './upstreams.ts';

/** Prepares it; without upstreams its own sandbox is the only one. `more` settings stand beside those it needs. */
export async function prepareClipyardUp(upstreams?: Upstreams, more: Readonly<Record<string, string>> = {}) {
  compile();
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-up-'));
  const dataDir = join(folder, 'data');
  const port = await freePort(0);
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    CLIPYARD_DATA_DIR: dataDir,
    CLIPYARD_PORT: String(port),
    ...(upstreams && (await writeUpstreams(folder, upstreams))),
    ...more,
  };
  const ask = askAs(ROOT_KEY, url);
  let running: ClipyardProcess | null = null;
  return {
    url,
    folder,
    dataDir,
    /** Our own routes, as root. */
    ask,
    /** Resolves when it is ready. */
    async start(): Promise<ClipyardProcess> {
      running = startClipyard(['up'], settings);
      await untilReady(`${url}/readyz`);
      return running;
    },
    /** What was started last. */
    running: () => running,
    untilModels: () => untilModels(ask),
    /** The sandbox that it has started where it has no upstreams. */
    async embeddedSandbox(): Promise<SandboxClient> {
      const { port } = JSON.parse(await readFile(join(dataDir, 'sandbox.json'), 'utf8')) as { readonly port: number };
      return new SandboxClient(`http://127.0.0.1:${port}`);
    },
    /** Runs a command that ends, with the same settings; its output. */
    async run(...args: readonly string[]): Promise<string> {
      const { child, output } = startClipyard(args, settings);
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`clipyard ${args.join(' ')} exits with ${code}:\n${output()}`);
      return output();
    },
    /** Kills what runs, and removes the folder. */
    async close(): Promise<void> {
      await running?.killTree();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type ClipyardUp = Awaited<ReturnType<typeof prepareClipyardUp>>;

/** Starts it, with models on offer. */
export async function startClipyardUp(
  upstreams?: Upstreams,
  more?: Readonly<Record<string, string>>,
): Promise<ClipyardUp> {
  const clipyard = await prepareClipyardUp(upstreams, more);
  try {
    await clipyard.start();
    await clipyard.untilModels();
    return clipyard;
  } catch (error) {
    await clipyard.close();
    throw error;
  }
}
