/** The demo's clips: asked for as one batch through the HTTP front door, followed to its end, and verified on disk. */

import { type BatchLine, linePages } from '../../client/batch-answers.ts';
import type { GatewayClient } from '../../client/gateway-client.ts';
import { createBatchOf } from '../../client/submit-batch.ts';
import { lookAt } from '../../client/video-answers.ts';
import { watchBatch } from '../../client/watch-batch.ts';
import { readArchivedClip } from '../../process/archived-clip.ts';

/** Where the demo's gateway is, and where it keeps its files. */
export interface DemoGateway {
  readonly client: GatewayClient;
  readonly dataDir: string;
}

/** A clip after its batch has ended. */
export interface DemoClip {
  readonly prompt: string | null;
  readonly id: string | null;
  readonly state: BatchLine['state'];
  readonly file: string | null;
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
  readonly durationMs: number | null;
  readonly costMicroUsd: number | null;
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

/** What came of a demo's batch. */
export interface DemoBatch {
  readonly id: string;
  readonly clips: readonly DemoClip[];
  /** From its acceptance to the last clip's end. */
  readonly makespanMs: number;
}

/** Has all clips made. @throws GatewayFailure; LeftRunning where it is stopped. */
export async function makeClips(
  gateway: DemoGateway,
  orders: readonly DemoOrder[],
  stream: NodeJS.WriteStream,
): Promise<DemoBatch> {
  const { client } = gateway;
  const id = await createBatchOf(client, 'demo', orders);
  const { batch } = await watchBatch(client, id, stream);
  const clips: DemoClip[] = [];
  for await (const lines of linePages(client, id)) {
    for (const line of lines) clips.push(await readClip(gateway, line));
  }
  const lastEndMs = Math.max(...clips.flatMap(({ endedAtMs }) => endedAtMs ?? []));
  return { id, clips, makespanMs: Math.max(0, lastEndMs - Date.parse(batch.createdAt)) };
}

async function readClip({ client, dataDir }: DemoGateway, line: BatchLine): Promise<DemoClip> {
  const { prompt, videoId: id, state, failure, archive, costMicroUsd } = line;
  const problem = failure === null ? null : `${failure.kind}: ${failure.message}`;
  const none = { file: null, sha256: null, sizeBytes: null, durationMs: null };
  const clip = { prompt, id, state, costMicroUsd, problem, isVerified: false, endedAtMs: null, ...none };
  if (id === null) return clip;
  const { snapshot } = await lookAt(client, id);
  const ended = { ...clip, endedAtMs: snapshot.endedAt == null ? null : Date.parse(snapshot.endedAt) };
  if (archive === null) return ended;
  const onDisk = await readArchivedClip(dataDir, id);
  const { sha256, sizeBytes, durationMs } = onDisk;
  const isVerified =
    sha256 === archive.sha256 && sizeBytes === archive.sizeBytes && durationMs === archive.durationMs && sizeBytes > 0;
  return { ...ended, ...onDisk, isVerified, problem: isVerified ? null : 'the file on disk is not what was archived' };
}
