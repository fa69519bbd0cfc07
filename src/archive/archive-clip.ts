/** Makes the archive of a clip: download, commit, read back, poster; taken up again from its heartbeats. */

import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { ArchivedClip, StoredClip } from '../domain/video.ts';
import type { MediaStore } from '../media/media-store.ts';
import { readBytes } from '../media/ranged-read.ts';
import type { FetchUntrusted } from '../net/untrusted/fetch.ts';
import type { AnswerHead } from '../net/untrusted/lent-answer.ts';
import { ArchiveProblem } from './archive-problem.ts';
import { ClipTransfer } from './clip-transfer.ts';
import { type ClipSource, DOWNLOAD_LIMITS, type DownloadLimits, downloadClip, pause } from './download-clip.ts';
import { type Heartbeats, startHeartbeats } from './heartbeats.ts';
import { NotAVideo } from './mp4-boxes.ts';
import { probeClip } from './mp4-probe.ts';
import type { ClipKeys, PosterMaker } from './poster.ts';
import { notYet } from './result-answer.ts';
import { unpackClip } from './unpack-clip.ts';

const HEARTBEAT_MS = 1000;
/** An answer that is longer than this names no clip. */
const LONGEST_WORDS_BYTES = 64 * 1024;

/** What to archive, and how the work reports to the attempt that may have to take it up. */
export interface ArchiveOrder extends ClipKeys {
  readonly source: ClipSource;
  readonly signal: AbortSignal;
  /** Called at once and about every second, with what `resumeFrom` of another try needs. */
  heartbeat(details: JsonObject): void;
  /** The last such details; anything else is a start from nothing. */
  readonly resumeFrom: unknown;
  /** Asked once the signal has fired: whether another try will follow. */
  keepsPartial(): boolean;
  /** When the link dies, or the caller's patience with it ends: what cannot be had by then is `expired`, and not `later`. */
  readonly expiresAt?: Date | null;
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
  /** The link in an answer that names the clip instead of being it; undefined where it has none. */
  readonly findLink?: (answer: JsonObject) => string | undefined;
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
      if (!(error instanceof ArchiveProblem)) throw error;
      return { kind: 'problem', problem: isOver(order, error) ? expired(error) : error };
    } finally {
      beats.stop();
    }
  };
}

/** Whether what may pass has no time left to. */
function isOver({ expiresAt }: ArchiveOrder, { kind }: ArchiveProblem): boolean {
  return kind === 'later' && expiresAt != null && expiresAt.getTime() <= Date.now();
}

function expired(problem: ArchiveProblem): ArchiveProblem {
  return new ArchiveProblem('expired', `${problem.message}, and its time is over`, {
    status: problem.status,
    cause: problem,
  });
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
  readonly #limits: DownloadLimits;
  /** A link that was found where the clip should be leads on, once. */
  #found: ClipSource | null = null;
  /** The one that brought what is inspected. */
  #answer: AnswerHead | null = null;

  constructor(parts: ArchiverParts, order: ArchiveOrder, beats: Heartbeats) {
    this.#parts = parts;
    this.#order = order;
    this.#beats = beats;
    this.#limits = { ...DOWNLOAD_LIMITS, ...parts.limits };
  }

  async run(): Promise<ArchivedClip> {
    const details = isJsonObject(this.#order.resumeFrom) ? this.#order.resumeFrom : null;
    const committed = await this.#findCommitted(details);
    const first = await this.#inspect(committed ?? (await this.#download({ details, fresh: false })));
    if (!(first instanceof NotAVideo)) return first;
    // A cache on the way may have kept a broken copy, or the upstream not have written the last of it.
    await pause(this.#limits.secondCopyMs, this.#order.signal);
    const second = await this.#inspect(await this.#download({ details: null, fresh: true }));
    if (!(second instanceof NotAVideo)) return second;
    throw new ArchiveProblem('invalid', `what the upstream's link holds is not the video: ${second.message}`, {
      cause: second,
    });
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
    const { clipKey, signal } = this.#order;
    const source = this.#found ?? this.#order.source;
    signal.throwIfAborted();
    const transfer = await ClipTransfer.open(this.#parts.store, clipKey, details);
    this.#beats.describe = () => transfer.details();
    try {
      const { fetchResult } = this.#parts;
      await downloadClip(transfer, { fetchResult, source, limits: this.#limits, signal, fresh });
      this.#answer = transfer.answer;
      return await transfer.staged.commit();
    } catch (error) {
      await this.#putAway(transfer, error).catch(() => undefined);
      throw error;
    }
  }

  /** Keeps what was downloaded if another attempt may go on with it. */
  async #putAway(transfer: ClipTransfer, error: unknown): Promise<void> {
    const isFinal = error instanceof ArchiveProblem && (error.kind !== 'later' || isOver(this.#order, error));
    const isGivenUp = this.#order.signal.aborted && !this.#order.keepsPartial();
    if (isFinal || isGivenUp) return transfer.staged.discard();
    await this.#beats.beat();
    await transfer.setAside();
  }

  /** What no time will make a video is returned as such. */
  async #inspect(stored: StoredClip, isUnpacked = false): Promise<ArchivedClip | NotAVideo> {
    const { clipKey, posterKey, signal } = this.#order;
    this.#beats.describe = async () => ({ committed: { ...stored } });
    try {
      return await inspectClip(this.#parts, { ...stored, clipKey, posterKey });
    } catch (error) {
      if (!(error instanceof NotAVideo)) throw error;
      this.#beats.describe = async () => ({});
      // Once: there is data that unpacks to itself.
      const isPacked = error.isGzip && !isUnpacked;
      const unpacked = isPacked ? await unpackClip(this.#parts.store, clipKey, { ...this.#limits, signal }) : null;
      if (unpacked !== null) return await this.#inspect(unpacked, true);
      const link = error.isWords && this.#found === null ? await this.#linkIn(stored) : undefined;
      await this.#parts.store.remove(clipKey);
      if (link !== undefined) return await this.#inspect(await this.#follow(link));
      if (error.isWords) throw notYet(this.#answer);
      return error;
    }
  }

  async #linkIn({ sizeBytes }: StoredClip): Promise<string | undefined> {
    const { store, findLink } = this.#parts;
    if (findLink === undefined || sizeBytes > LONGEST_WORDS_BYTES) return undefined;
    const bytes = await readBytes(store, this.#order.clipKey, { start: 0, end: sizeBytes });
    try {
      const answer: unknown = JSON.parse(new TextDecoder().decode(bytes));
      return isJsonObject(answer) ? findLink(answer) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The key was for the answer, and not for what it names. */
  async #follow(link: string): Promise<StoredClip> {
    const { authorise, ...source } = this.#order.source;
    this.#found = { ...source, url: link, authorise: authorise && { ...authorise, apiKey: undefined } };
    return await this.#download({ details: null, fresh: false });
  }
}
