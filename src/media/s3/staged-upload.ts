/** An object being written to a bucket: an upload in parts that is completed at the end, or one request if it is small. */

import { createHash, type Hash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { JsonObject } from '../../domain/json.ts';
import type { StoredClip } from '../../domain/video.ts';
import { createBlocks } from '../blocks.ts';
import type { StagedObject } from '../media-store.ts';
import { abortUpload } from './abandoned-uploads.ts';
import { readObject } from './read-object.ts';
import { type Bucket, isMissing } from './s3-client.ts';

/** What is under way when a process is killed is fetched and sent again; servers take no less than 5 MiB. */
export const PART_BYTES = 8 * 1024 * 1024;
const PART_BLOCKS = createBlocks(PART_BYTES, 1);

interface SentPart {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
}

/** What an earlier process has sent. */
interface Sent {
  readonly uploadId: string;
  readonly parts: readonly SentPart[];
  readonly sizeBytes: number;
}

/** Goes on with an upload from the parts that the server has; null when it is gone. */
export async function resumeUpload(at: Bucket, key: string, uploadId: string): Promise<StagedObject | null> {
  const parts: SentPart[] = [];
  let sizeBytes = 0;
  let marker: string | undefined;
  const named = { Bucket: at.bucket, Key: key, UploadId: uploadId };
  try {
    do {
      const page = await at.client.send(new ListPartsCommand({ ...named, PartNumberMarker: marker }));
      for (const { PartNumber, ETag, Size = 0 } of page.Parts ?? []) {
        // What follows a gap does not continue what is before it.
        if (PartNumber !== parts.length + 1) break;
        parts.push({ PartNumber, ETag });
        sizeBytes += Size;
      }
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
  } catch (error) {
    // Or its name cannot be one.
    if (isMissing(error) || (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400))
      return null;
    throw error;
  }
  return new StagedUpload(at, key, { uploadId, parts, sizeBytes });
}

/** Parts have the same bounds in every attempt, so one that was given up and still sends does no harm. */
export class StagedUpload implements StagedObject {
  readonly #at: Bucket;
  readonly #key: string;
  /** Of all bytes; null where an earlier process had some of them. */
  readonly #hash: Hash | null;
  #uploadId: string | null;
  readonly #parts: SentPart[];
  /** Of full parts. */
  #turnedOverBytes: number;
  #block: Buffer | null = null;
  #filledBytes = 0;
  /** Parts that are sent or wait for it, the oldest first. */
  readonly #onTheirWay: Promise<void>[] = [];
  #queue: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(at: Bucket, key: string, sent: Sent | null = null) {
    this.#at = at;
    this.#key = key;
    this.#hash = sent === null || sent.sizeBytes === 0 ? createHash('sha256') : null;
    this.#uploadId = sent?.uploadId ?? null;
    this.#parts = [...(sent?.parts ?? [])];
    this.#turnedOverBytes = sent?.sizeBytes ?? 0;
  }

  get sizeBytes(): number {
    return this.#turnedOverBytes + this.#filledBytes;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#throwFailure();
    this.#hash?.update(chunk);
    for (let offset = 0; offset < chunk.byteLength; ) {
      this.#block ??= PART_BLOCKS.take();
      const piece = chunk.subarray(offset, offset + PART_BYTES - this.#filledBytes);
      this.#block.set(piece, this.#filledBytes);
      this.#filledBytes += piece.byteLength;
      offset += piece.byteLength;
      if (this.#filledBytes === PART_BYTES) this.#turnOver();
    }
    // Nothing more is taken while a part is sent: what comes meanwhile waits in the connection, and is not lost by a kill.
    return this.#onTheirWay[0];
  }

  /** The server knows which parts it has. */
  async checkpoint(): Promise<JsonObject> {
    return this.#uploadId === null ? {} : { uploadId: this.#uploadId };
  }

  async commit(): Promise<StoredClip> {
    const written = { sha256: this.#hash?.copy().digest('hex') ?? null, sizeBytes: this.sizeBytes };
    if (this.#uploadId === null && this.#onTheirWay.length === 0) await this.#putWhole();
    else await this.#complete();
    const stored = await this.#readBack();
    const isAsWritten = stored.sizeBytes === written.sizeBytes && [null, stored.sha256].includes(written.sha256);
    if (isAsWritten) return stored;
    await this.#at.client.send(new DeleteObjectCommand(this.#named));
    throw new Error(`the object store holds other bytes of ${this.#key} than were written to it`);
  }

  async discard(): Promise<void> {
    await this.suspend();
    if (this.#uploadId !== null) await abortUpload(this.#at, this.#key, this.#uploadId);
  }

  /** What has filled less than a part is not kept. */
  async suspend(): Promise<void> {
    await this.#queue;
    this.#releaseBlock();
  }

  get #named() {
    return { Bucket: this.#at.bucket, Key: this.#key };
  }

  #filled(): Buffer {
    return this.#block?.subarray(0, this.#filledBytes) ?? Buffer.alloc(0);
  }

  #releaseBlock(): void {
    if (this.#block !== null) PART_BLOCKS.giveBack(this.#block);
    this.#block = null;
    this.#filledBytes = 0;
  }

  /** Sends what has filled and goes on with another block. */
  #turnOver(): void {
    const [block, bytes] = [this.#block, this.#filled()];
    this.#turnedOverBytes += bytes.length;
    this.#block = null;
    this.#filledBytes = 0;
    const sent = this.#queue.then(async () => {
      this.#throwFailure();
      await this.#send(bytes);
    });
    this.#queue = sent
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .then(() => {
        if (block !== null) PART_BLOCKS.giveBack(block);
        void this.#onTheirWay.shift();
      });
    // A failure shows at the next call, which need not be the one that waits for this part.
    this.#onTheirWay.push(this.#queue);
  }

  async #send(bytes: Buffer): Promise<void> {
    this.#uploadId ??= await this.#begin();
    const PartNumber = this.#parts.length + 1;
    const part = { ...this.#named, UploadId: this.#uploadId, PartNumber, Body: bytes };
    const { ETag } = await this.#at.client.send(new UploadPartCommand(part));
    this.#parts.push({ PartNumber, ETag });
  }

  async #begin(): Promise<string> {
    const create = new CreateMultipartUploadCommand({ ...this.#named, ContentType: contentTypeOf(this.#key) });
    const { UploadId } = await this.#at.client.send(create);
    if (UploadId === undefined) throw new Error('the object store began an upload without naming it');
    return UploadId;
  }

  async #putWhole(): Promise<void> {
    const put = { ...this.#named, Body: this.#filled(), ContentType: contentTypeOf(this.#key) };
    await this.#at.client.send(new PutObjectCommand(put));
    this.#releaseBlock();
  }

  async #complete(): Promise<void> {
    if (this.#filledBytes > 0) this.#turnOver();
    await this.#queue;
    this.#throwFailure();
    const MultipartUpload = { Parts: this.#parts };
    const complete = { ...this.#named, UploadId: this.#uploadId ?? undefined, MultipartUpload };
    await this.#at.client.send(new CompleteMultipartUploadCommand(complete));
  }

  async #readBack(): Promise<StoredClip> {
    const stream = await readObject(this.#at, this.#key);
    if (stream === null) throw new Error(`${this.#key} is not in the object store, which has just taken it`);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const chunks: AsyncIterable<Uint8Array> = stream;
    for await (const chunk of chunks) {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
    }
    return { sha256: hash.digest('hex'), sizeBytes };
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** What tools that look into the bucket are told. */
function contentTypeOf(key: string): string {
  if (key.endsWith('.mp4')) return 'video/mp4';
  return key.endsWith('.jpg') ? 'image/jpeg' : 'application/octet-stream';
}
