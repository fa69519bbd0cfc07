/** A download in progress: the staged bytes and what is known of where they come from. */

import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { MediaStore, StagedObject } from '../media/media-store.ts';
import type { AnswerHead } from '../net/untrusted/lent-answer.ts';
import { type AskedRange, readTotalBytes, readValidator } from './result-answer.ts';

/** One staged object only ever holds bytes of one representation; another one means another staged object. */
export class ClipTransfer {
  readonly #store: MediaStore;
  readonly #key: string;
  #staged: StagedObject;
  #validator: string | null;
  #totalBytes: number | null;
  #answer: AnswerHead | null = null;

  private constructor(store: MediaStore, key: string, start: TransferStart) {
    this.#store = store;
    this.#key = key;
    this.#staged = start.staged;
    this.#validator = start.validator;
    this.#totalBytes = start.totalBytes;
  }

  /** Goes on from the details of an earlier attempt, or starts anew where they do not hold. */
  static async open(store: MediaStore, key: string, details: JsonObject | null): Promise<ClipTransfer> {
    const checkpoint = details?.['staged'];
    const validator = details?.['validator'];
    const totalBytes = details?.['totalBytes'];
    if (!isJsonObject(checkpoint) || typeof validator !== 'string') {
      return new ClipTransfer(store, key, { staged: await store.stage(key), validator: null, totalBytes: null });
    }
    const staged = await store.stage(key, checkpoint);
    const isFresh = staged.sizeBytes === 0;
    return new ClipTransfer(store, key, {
      staged,
      validator: isFresh ? null : validator,
      totalBytes: !isFresh && typeof totalBytes === 'number' ? totalBytes : null,
    });
  }

  get staged(): StagedObject {
    return this.#staged;
  }

  get totalBytes(): number | null {
    return this.#totalBytes;
  }

  /** The one that brought what is there; null where an earlier attempt had it. */
  get answer(): AnswerHead | null {
    return this.#answer;
  }

  /** Whether what is there can be added to. */
  get isResumable(): boolean {
    return this.#validator !== null;
  }

  get isComplete(): boolean {
    return this.#totalBytes !== null && this.#staged.sizeBytes === this.#totalBytes;
  }

  /** What to ask the upstream for. */
  get wanted(): AskedRange {
    return {
      offset: this.isResumable ? this.#staged.sizeBytes : 0,
      validator: this.#validator,
      totalBytes: this.#totalBytes,
    };
  }

  /** Throws away what is there. */
  async restart(): Promise<void> {
    this.#validator = null;
    this.#totalBytes = null;
    await this.#staged.discard();
    this.#staged = await this.#store.stage(this.#key);
  }

  /** Takes over what an answer says of its representation. */
  learn({ status, headers }: AnswerHead): void {
    this.#answer = { status, headers };
    this.#totalBytes = readTotalBytes(this.#answer) ?? this.#totalBytes;
    if (status === 200) this.#validator = readValidator(this.#answer);
  }

  /** What `open` needs to go on from here, in any process; without a validator there is no going on. */
  async details(): Promise<JsonObject> {
    if (this.#validator === null) return {};
    // Read before the wait: a restart meanwhile must not pair its staged object with the old validator.
    const [validator, totalBytes] = [this.#validator, this.#totalBytes];
    return { staged: await this.#staged.checkpoint(), validator, totalBytes };
  }

  /** Ends the work and keeps what can be gone on with. */
  async setAside(): Promise<void> {
    if (this.isResumable) await this.#staged.suspend();
    else await this.#staged.discard();
  }
}

interface TransferStart {
  readonly staged: StagedObject;
  readonly validator: string | null;
  readonly totalBytes: number | null;
}
