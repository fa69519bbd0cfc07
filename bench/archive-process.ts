/** The process that brings a clip into a bucket, so that it can be killed: it tells how far it is, and what another needs. */

import { z } from 'zod';
import { createClipArchiver } from '../src/archive/archive-clip.ts';
import { createPosterMaker } from '../src/archive/poster.ts';
import type { S3Settings } from '../src/media/s3/s3-client.ts';
import { openS3Store } from '../src/media/s3/s3-store.ts';
import { type FetchUntrusted, fetchUntrusted } from '../src/net/untrusted/fetch.ts';
import { watchMemory } from './memory.ts';

/** What to archive, and where. */
export interface ArchiveTask {
  readonly url: string;
  readonly store: S3Settings;
  readonly clipKey: string;
  /** The heartbeat to go on from. */
  readonly resumeFrom: unknown;
  /** Archived first, where memory is measured: a process loads code and opens connections with its first clip. */
  readonly warmUpUrl: string | null;
}

export const archiveNews = z.discriminatedUnion('kind', [
  /** Where the download begins or goes on, and the bytes that came since. */
  z.object({ kind: z.literal('asked'), fromBytes: z.number() }),
  z.object({ kind: z.literal('received'), bytes: z.number() }),
  z.object({ kind: z.literal('beat'), details: z.unknown() }),
  z.object({ kind: z.literal('archived'), sha256: z.string(), tookMs: z.number(), growthBytes: z.number() }),
]);
export type ArchiveNews = z.output<typeof archiveNews>;

/** News of bytes come as often as a worker could be killed in between. */
const TELL_BYTES = 1024 * 1024;
const HEARTBEAT_MS = 200;

const tell = (news: ArchiveNews) => void process.send?.(news);

const fetchCounted: FetchUntrusted = async (call) => {
  const [, from = '0'] = /^bytes=(\d+)-/.exec(call.headers?.['range'] ?? '') ?? [];
  tell({ kind: 'asked', fromBytes: Number(from) });
  const { body, ...answer } = await fetchUntrusted(call);
  let bytes = 0;
  let toldBytes = 0;
  const read: typeof body.read = (take) =>
    body.read((chunk) => {
      bytes += chunk.byteLength;
      if (bytes - toldBytes >= TELL_BYTES) {
        toldBytes = bytes;
        tell({ kind: 'received', bytes });
      }
      return take(chunk);
    });
  return { ...answer, body: { read, drop: (reason) => body.drop(reason) } };
};

async function archive({ store: settings, warmUpUrl, ...task }: ArchiveTask): Promise<void> {
  const store = openS3Store({ ...settings, redirects: false, onProblem: () => undefined });
  const makePoster = createPosterMaker({ warn: () => undefined });
  const archiveClip = createClipArchiver({ store, fetchResult: fetchCounted, makePoster, heartbeatMs: HEARTBEAT_MS });
  const run = async ({ url, clipKey, resumeFrom }: Pick<ArchiveTask, 'url' | 'clipKey' | 'resumeFrom'>) => {
    const outcome = await archiveClip({
      source: { url, trustedHosts: [new URL(url).host] },
      clipKey,
      posterKey: `${clipKey}.jpg`,
      signal: new AbortController().signal,
      heartbeat: (details) => tell({ kind: 'beat', details }),
      resumeFrom,
      keepsPartial: () => true,
    });
    if (outcome.kind === 'problem') throw outcome.problem;
    return outcome.clip.sha256;
  };
  if (warmUpUrl !== null) await run({ url: warmUpUrl, clipKey: 'videos/warm-up/clip.mp4', resumeFrom: undefined });
  const startedMs = performance.now();
  const memory = watchMemory();
  const sha256 = await run(task);
  tell({ kind: 'archived', sha256, tookMs: performance.now() - startedMs, growthBytes: memory.stop() });
}

process.once('message', (task: ArchiveTask) => {
  void archive(task).then(
    () => process.disconnect(),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
