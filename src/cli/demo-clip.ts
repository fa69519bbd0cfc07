/** One clip of the demo: asked for through the HTTP front door, followed to its end, and verified on disk. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isEnded, VIDEO_STATES, type VideoState } from '../domain/video.ts';
import { createFileStore } from '../storage/file-store.ts';
import { clipKeyOf } from '../storage/media-key.ts';
import { probeClip } from '../storage/mp4-probe.ts';
import { mediaDir } from './parts.ts';

/** Where the demo's gateway is, and how its clips are asked for. */
export interface DemoGateway {
  readonly url: string;
  readonly apiKey: string;
  readonly dataDir: string;
  /** Between two looks at a clip. */
  readonly pollMs: number;
  /** Aborted when the demo has to end. */
  readonly signal: AbortSignal;
}

/** A clip as its table row shows it. */
export interface DemoClip {
  readonly prompt: string;
  readonly model: string;
  readonly id: string | null;
  readonly state: VideoState | 'refused' | 'waiting';
  readonly progress: number;
  readonly file: string | null;
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
  readonly durationMs: number | null;
  readonly costMicroUsd: number | null;
  readonly createdAtMs: number | null;
  readonly endedAtMs: number | null;
  /** The bytes on disk are those that the gateway archived, and a whole MP4. */
  readonly isVerified: boolean;
  readonly problem: string | null;
}

const REQUEST_MS = 30_000;
/** A gateway that does not answer is asked again this often in a row. */
const MAX_SILENCES = 20;

const createdSchema = z.object({ task_id: z.string() });
const archiveSchema = z.object({ sha256: z.string(), sizeBytes: z.number(), durationMs: z.number() });
const snapshotSchema = z.object({
  id: z.string(),
  state: z.enum(VIDEO_STATES),
  progress: z.number(),
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  cost: z.object({ settledMicroUsd: z.number().nullable() }),
  archive: archiveSchema.nullable(),
  failure: z.object({ kind: z.string(), message: z.string() }).nullable(),
});
type Snapshot = z.infer<typeof snapshotSchema>;

/** One line of the manifest: a create body in the airforce dialect. */
export type DemoOrder = Readonly<Record<string, unknown>> & { readonly model: string; readonly prompt: string };

export function waitingClip({ prompt, model }: DemoOrder): DemoClip {
  const absent = { file: null, sha256: null, sizeBytes: null, durationMs: null, costMicroUsd: null };
  const none = { id: null, createdAtMs: null, endedAtMs: null, problem: null };
  return { prompt, model, state: 'waiting', progress: 0, isVerified: false, ...absent, ...none };
}

async function ask(gateway: DemoGateway, path: string, body?: DemoOrder): Promise<unknown> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.any([gateway.signal, AbortSignal.timeout(REQUEST_MS)]),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

/** Asks for the clip and shows it at each change until its end; never throws, what went wrong stands in the clip. */
export async function makeClip(
  gateway: DemoGateway,
  order: DemoOrder,
  show: (clip: DemoClip) => void,
): Promise<DemoClip> {
  const first = waitingClip(order);
  try {
    const { task_id: id } = createdSchema.parse(await ask(gateway, '/airforce/v1/video/generations', order));
    const snapshot = await follow(gateway, id, (look) => show(describe(first, look)));
    return await verify(gateway, describe(first, snapshot), snapshot);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { ...first, state: 'refused', problem };
  }
}

function describe(first: DemoClip, { id, state, progress, cost, createdAt, endedAt, failure }: Snapshot): DemoClip {
  return {
    ...first,
    id,
    state,
    progress,
    costMicroUsd: cost.settledMicroUsd,
    createdAtMs: Date.parse(createdAt),
    endedAtMs: endedAt === null ? null : Date.parse(endedAt),
    problem: failure === null ? null : `${failure.kind}: ${failure.message}`,
  };
}

async function follow(gateway: DemoGateway, id: string, show: (snapshot: Snapshot) => void): Promise<Snapshot> {
  for (let silences = 0; ; ) {
    try {
      const snapshot = snapshotSchema.parse(await ask(gateway, `/clipyard/v1/videos/${id}`));
      show(snapshot);
      if (isEnded(snapshot.state)) return snapshot;
      silences = 0;
    } catch (error) {
      silences += 1;
      if (silences > MAX_SILENCES || gateway.signal.aborted) throw error;
    }
    await sleep(gateway.pollMs, undefined, { signal: gateway.signal });
  }
}

async function hashFile(path: string): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  const stream = createReadStream(path);
  await pipeline(stream, hash);
  return { sha256: hash.digest('hex'), sizeBytes: stream.bytesRead };
}

/** Reads the file itself: what the gateway says of its archive has to be true on disk. */
async function verify(gateway: DemoGateway, clip: DemoClip, { id, archive }: Snapshot): Promise<DemoClip> {
  if (clip.state !== 'completed' || archive === null) return clip;
  const root = mediaDir(gateway.dataDir);
  const key = clipKeyOf(id);
  const file = join(root, key);
  const { sha256, sizeBytes } = await hashFile(file);
  const { durationMs } = await probeClip(createFileStore(root), key);
  const isVerified =
    sha256 === archive.sha256 && sizeBytes === archive.sizeBytes && durationMs === archive.durationMs && sizeBytes > 0;
  const problem = isVerified ? null : 'the file on disk is not what was archived';
  return { ...clip, file, sha256, sizeBytes, durationMs, isVerified, problem };
}
