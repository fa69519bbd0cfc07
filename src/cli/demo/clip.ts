/** One clip of the demo: asked for through the HTTP front door, followed to its end, and verified on disk. */

import { randomUUID } from 'node:crypto';
import { createVideo } from '../../client/create-video.ts';
import type { GatewayClient } from '../../client/gateway-client.ts';
import type { Snapshot } from '../../client/video-answers.ts';
import { followVideo } from '../../client/watch-video.ts';
import { readArchivedClip } from '../../process/archived-clip.ts';

/** Where the demo's gateway is, and how its clips are followed. */
export interface DemoGateway {
  readonly client: GatewayClient;
  readonly dataDir: string;
  /** Between two polls of a clip. */
  readonly pollMs: number;
}

/** A clip as its table row shows it. */
export interface DemoClip {
  readonly prompt: string;
  readonly model: string;
  readonly id: string | null;
  readonly state: Snapshot['state'] | 'refused' | 'waiting';
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

/** One line of the manifest: a create body in the airforce dialect. */
export interface DemoOrder {
  readonly model: string;
  readonly prompt: string;
  readonly [word: string]: string | number | boolean;
}

export function waitingClip({ prompt, model }: DemoOrder): DemoClip {
  const absent = { file: null, sha256: null, sizeBytes: null, durationMs: null, costMicroUsd: null };
  const none = { id: null, createdAtMs: null, endedAtMs: null, problem: null };
  return { prompt, model, state: 'waiting', progress: 0, isVerified: false, ...absent, ...none };
}

/** Asks for the clip and shows it at each change until its end; never throws, what went wrong stands in the clip. */
export async function makeClip(
  gateway: DemoGateway,
  order: DemoOrder,
  show: (clip: DemoClip) => void,
): Promise<DemoClip> {
  const { client, pollMs } = gateway;
  const first = waitingClip(order);
  try {
    const id = await createVideo(client, order, randomUUID());
    const { snapshot } = await followVideo(client, id, { pollMs, show: (shown) => show(describe(first, shown)) });
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
    costMicroUsd: cost.settledMicroUsd ?? null,
    createdAtMs: Date.parse(createdAt),
    endedAtMs: endedAt == null ? null : Date.parse(endedAt),
    problem: failure === null ? null : `${failure.kind}: ${failure.message}`,
  };
}

async function verify({ dataDir }: DemoGateway, clip: DemoClip, { id, archive }: Snapshot): Promise<DemoClip> {
  if (clip.state !== 'completed' || archive === null) return clip;
  const onDisk = await readArchivedClip(dataDir, id);
  const { sha256, sizeBytes, durationMs } = onDisk;
  const isVerified =
    sha256 === archive.sha256 && sizeBytes === archive.sizeBytes && durationMs === archive.durationMs && sizeBytes > 0;
  const problem = isVerified ? null : 'the file on disk is not what was archived';
  return { ...clip, ...onDisk, isVerified, problem };
}
