/** `clipyard demo`: everything embedded, the clips of examples/ made through HTTP as one batch, each file verified. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { GatewayClient } from '../../client/gateway-client.ts';
import { packageRoot } from '../../config/package-root.ts';
import type { Config } from '../../config/settings.ts';
import { embeddedAtFreePort, startAllInOne } from '../../process/all-in-one.ts';
import { consoleLink, printRootKey } from '../../process/commands/printed.ts';
import { openBrowser } from '../../process/open-browser.ts';
import type { ProcessContext } from '../../process/run.ts';
import { whenAborted } from '../../process/stop.ts';
import { type DemoClip, type DemoOrder, makeClips } from './clips.ts';
import { makeFilm, renderFilm } from './film.ts';
import { renderResults, renderTotal } from './results.ts';

export interface DemoOptions {
  /** Null: the manifest, once. */
  readonly clips: number | null;
  readonly json: boolean;
}

const orderSchema = z
  .object({ model: z.string(), prompt: z.string() })
  .catchall(z.union([z.string(), z.number(), z.boolean()]));

/** The demo does not wait for ever: this, and so much for each clip. */
const PATIENCE_MS = 300_000;
const PATIENCE_MS_PER_CLIP = 30_000;

function readOrders(count: number | null): readonly DemoOrder[] {
  const manifest = readFileSync(join(packageRoot(), 'examples', 'clips.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => orderSchema.parse(JSON.parse(line)));
  return Array.from({ length: count ?? manifest.length }, (_, index) => manifest[index % manifest.length]).filter(
    (order) => order !== undefined,
  );
}

const billSchema = z.object({
  tasks: z.array(z.object({ id: z.string(), createdAt: z.iso.datetime(), generationMs: z.number() })),
});

/** The work that the upstream did since then, shared by all slots without a gap: no gateway can be faster. */
async function idealMs(sandboxUrl: string, sinceMs: number, slots: number): Promise<number> {
  const response = await fetch(`${sandboxUrl}/_sandbox/bill`, { signal: AbortSignal.timeout(10_000) });
  const { tasks } = billSchema.parse(await response.json());
  const ours = tasks.filter(({ createdAt }) => Date.parse(createdAt) >= sinceMs);
  return Math.round(ours.reduce((sum, { generationMs }) => sum + generationMs, 0) / slots);
}

/** The demo's outcome as the last line of `--json` prints it. */
function report(clips: readonly DemoClip[], facts: Readonly<Record<string, unknown>>): string {
  const rows = clips.map(({ id, state, file, sha256, sizeBytes, durationMs, costMicroUsd, problem }) => {
    return { id, state, file, sha256, sizeBytes, durationMs, costMicroUsd, problem };
  });
  const costMicroUsd = rows.reduce((sum, row) => sum + (row.costMicroUsd ?? 0), 0);
  return JSON.stringify({ clips: rows, costMicroUsd, ...facts });
}

/**
 * Runs the demo and closes everything again.
 * @throws Error when a clip was not archived or is not what was archived.
 */
export async function demo(given: Config, options: DemoOptions, context: ProcessContext): Promise<void> {
  const stream = options.json ? process.stderr : process.stdout;
  const print = (line: string) => void stream.write(`${line}\n`);
  const orders = readOrders(options.clips);
  const config = await embeddedAtFreePort(given);
  print(`Starting everything embedded in ${config.dataDir}`);
  const { parts, sandboxUrl, working } = await startAllInOne(config, context, print);
  printRootKey(parts, print);
  const opened = await Promise.race([working, whenAborted(context.stop)]);
  if (!opened) throw new Error('the demo was stopped');
  print(`Gateway ${config.publicUrl}, Temporal UI ${opened.uiUrl}; making ${orders.length} clips as one batch`);
  const link = consoleLink(parts);
  print(`Console ${link} (signs in once)`);
  if (config.hasDesktop && !options.json) openBrowser(link);
  const startedMs = Date.now();
  const patience = AbortSignal.timeout(PATIENCE_MS + PATIENCE_MS_PER_CLIP * orders.length);
  const address = { url: config.publicUrl, apiKey: parts.rootKey.key ?? '' };
  const client = new GatewayClient(address, AbortSignal.any([context.stop, patience]));
  const made = makeClips({ client, dataDir: config.dataDir }, orders, stream).catch((error: unknown) => {
    if (!client.signal.aborted) throw error;
    throw new Error(context.stop.aborted ? 'the demo was stopped' : 'the demo took too long', { cause: error });
  });
  const { id, clips, makespanMs } = await made;
  const slots = parts.config.accounts.reduce((sum, { maxConcurrentTasks }) => sum + maxConcurrentTasks, 0);
  print(renderResults(clips, stream.isTTY));
  print(renderTotal(clips, makespanMs));
  const film = await makeFilm({ client, dataDir: config.dataDir }, clips, stream);
  print(`Files are kept in ${config.dataDir}; \`npm start\` shows them in the Temporal UI again.`);
  print(renderFilm(film));
  if (options.json) {
    const ideal = sandboxUrl === null ? null : await idealMs(sandboxUrl, startedMs, slots);
    const facts = {
      batchId: id,
      film: film instanceof Error ? { problem: film.message } : film,
      makespanMs,
      idealMs: ideal,
      slots,
      temporalUiUrl: opened.uiUrl,
      gatewayUrl: config.publicUrl,
    };
    process.stdout.write(`${report(clips, { ...facts, dataDir: config.dataDir })}\n`);
  }
  const missing = clips.filter(({ isVerified }) => !isVerified).length;
  if (missing > 0) throw new Error(`${missing} of ${clips.length} clips were not archived and verified`);
}
