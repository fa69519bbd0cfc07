/** Makes the archive of a clip: download, commit, read back, poster; taken up again from its heartbeats. */

import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { ArchivedClip, StoredClip } from '../domain/video.ts';
import type { MediaStore } from '../media/media-store.ts';
import type { FetchUntrusted } from '../net/untrusted/fetch.ts';
import { ArchiveProblem } from './archive-problem.ts';
import { ClipTransfer } from './clip-transfer.ts';
import { type ClipSource, DOWNLOAD_LIMITS, type DownloadLimits, downloadClip } from './download-clip.ts';
import { type Heartbeats, startHeartbeats } from './heartbeats.ts';
import { NotAVideo } from './mp4-boxes.ts';
import { probeClip } from './mp4-probe.ts';
import type { ClipKeys, PosterMaker } from './poster.ts';

const HEARTBEAT_MS = 1000;

/** What to archive, and how the work reports to whoever will have to take it up. */
export interface ArchiveOrder extends ClipKeys {
  readonly source: ClipSource;
  readonly signal: AbortSignal;
  /** Called at once and about every second, with what `resumeFrom` of another try needs. */
  heartbeat(details: JsonObject): void;
  /** The last such details; anything else is a start from nothing. */
  readonly resumeFrom: unknown;
  /** Asked once the signal has fired: whether another try will follow. */
  keepsPartial(): boolean;
}

/** How an archiving ended; only the signal's reason and errors of our own storage are thrown. */
export type ArchiveOutcome =
  | { readonly kind: 'archived'; readonly clip: ArchivedClip }
  | { readonly kind: 'problem'; readonly problem: ArchiveProblem };

export type ArchiveClip = (order: ArchiveOrder) => Promise<ArchiveOutcome>;

/** Reads a stored clip back and makes its poster; throws `NotAVideo` for bytes that are no video. */
export type InspectClip = (clip: ClipKeys & StoredClip) => Promise<ArchivedClip>;

/** Makes the one function that reads stored clips back; what is no video is removed. */
export function createClipInspector(parts: Pick<ArchiverParts, 'store' | 'makePoster'>): InspectClip {
  return async (clip) => {
    try {
      return await inspectClip(parts, clip);
    } catch (error) {
      if (error instanceof NotAVideo) await parts.store.remove(clip.clipKey);
      throw error;
    }
  };
}

export interface ArchiverParts {
  readonly store: MediaStore;
  readonly fetchResult: FetchUntrusted;
  readonly makePoster: PosterMaker;
  readonly limits?: Partial<DownloadLimits>;
  readonly heartbeatMs?: number;
}

/** Makes the one function that archives clips. */
export function createClipArchiver(parts: ArchiverParts): ArchiveClip {
  return async (order) => {
    const beats = startHeartbeats(order, parts.heartbeatMs ?? HEARTBEAT_MS);
    try {
      return { kind: 'archived', clip: await new Archiving(parts, order, beats).run() };
    } catch (error) {
      if (error instanceof ArchiveProblem) return { kind: 'problem', problem: error };
      throw error;
    } finally {
      beats.stop();
    }
  };
}

async function inspectClip(
  { store, makePoster }: Pick<ArchiverParts, 'store' | 'makePoster'>,
  { clipKey, posterKey, sha256, sizeBytes }: ClipKeys & StoredClip,
): Promise<ArchivedClip> {
  const probed = await probeClip(store, clipKey);
  return { sha256, sizeBytes, ...probed, clipKey, posterKey: await makePoster(store, { clipKey, posterKey }) };
}

class Archiving {
  readonly #parts: ArchiverParts;
  readonly #order: ArchiveOrder;
  readonly #beats: Heartbeats;

  constructor(parts: ArchiverParts, order: ArchiveOrder, beats: Heartbeats) {
    this.#parts = parts;
    this.#order = order;
    this.#beats = beats;
  }

  async run(): Promise<ArchivedClip> {
    const details = isJsonObject(this.#order.resumeFrom) ? this.#order.resumeFrom : null;
    const first = (await this.#findCommitted(details)) ?? (await this.#download({ details, fresh: false }));
    try {
      return await this.#inspect(first);
    } catch (error) {
      if (!(error instanceof NotAVideo)) throw error;
    }
    // A cache on the way may have kept a broken copy; a second one that is no video either is the upstream's word.
    const second = await this.#download({ details: null, fresh: true });
    try {
      return await this.#inspect(second);
    } catch (error) {
      if (!(error instanceof NotAVideo)) throw error;
      throw new ArchiveProblem('invalid', `what the upstream's link holds is not the video: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** An earlier try may have ended between the commit and its answer. */
  async #findCommitted(details: JsonObject | null): Promise<StoredClip | null> {
    const committed = details?.['committed'];
    if (!isJsonObject(committed)) return null;
    const { sha256, sizeBytes } = committed;
    if (typeof sha256 !== 'string' || typeof sizeBytes !== 'number') return null;
    return (await this.#parts.store.sizeBytes(this.#order.clipKey)) === sizeBytes ? { sha256, sizeBytes } : null;
  }

  async #download({ details, fresh }: { details: JsonObject | null; fresh: boolean }): Promise<StoredClip> {
    const { source, clipKey, signal } = this.#order;
    signal.throwIfAborted();
    const transfer = await ClipTransfer.open(this.#parts.store, clipKey, details);
    this.#beats.describe = () => transfer.details();
    try {
      const limits = { ...DOWNLOAD_LIMITS, ...this.#parts.limits };
      await downloadClip(transfer, { fetchResult: this.#parts.fetchResult, source, limits, signal, fresh });
      const { sizeBytes } = transfer.staged;
      const stored = { sha256: transfer.staged.sha256(), sizeBytes };
      await transfer.staged.commit();
      return stored;
    } catch (error) {
      await this.#putAway(transfer, error).catch(() => undefined);
      throw error;
    }
  }

  /** Keeps what was downloaded if somebody may go on with it. */
  async #putAway(transfer: ClipTransfer, error: unknown): Promise<void> {
    const isFinal = error instanceof ArchiveProblem && error.kind !== 'later';
    const isGivenUp = this.#order.signal.aborted && !this.#order.keepsPartial();
    if (isFinal || isGivenUp) return transfer.staged.discard();
    await this.#beats.beat();
    await transfer.setAside();
  }

  async #inspect(stored: StoredClip): Promise<ArchivedClip> {
    const { store } = this.#parts;
    const { clipKey, posterKey } = this.#order;
    this.#beats.describe = async () => ({ committed: { ...stored } });
    try {
      return await inspectClip(this.#parts, { ...stored, clipKey, posterKey });
    } catch (error) {
      if (error instanceof NotAVideo) {
        this.#beats.describe = async () => ({});
        await store.remove(clipKey);
      }
      throw error;
    }
  }
}
