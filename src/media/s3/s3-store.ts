/** The media store in a bucket of an S3 server; any number of processes may share it. */

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { JsonObject } from '../../domain/json.ts';
import { assertMediaKey } from '../media-key.ts';
import { type ByteRange, type LinkedObject, type MediaStore, type StagedObject, StoreAway } from '../media-store.ts';
import { abortAbandonedUploads } from './abandoned-uploads.ts';
import { ifThere, readObject } from './read-object.ts';
import { type Bucket, openBucket, problemOfBucket, type S3Settings } from './s3-client.ts';
import { resumeUpload, StagedUpload } from './staged-upload.ts';

export { problemOfBucket };

/** Players ask the linked place for each part that they show. */
const LINK_SECONDS = 3_600;
/** Unfinished uploads are paid for like objects; downloads that go on later than this begin anew. */
const ABANDONED_MS = 2 * 86_400_000;
const SWEEP_INTERVAL_MS = 6 * 3_600_000;

export interface S3StoreOptions extends S3Settings {
  /** Whether callers fetch clips from the bucket, by links that the store signs. */
  readonly redirects: boolean;
  /** Told of abandoned uploads that could not be removed. */
  onProblem(error: unknown): void;
}

function noServer(why: string): StoreAway {
  return new StoreAway(new Error(`what answers is no S3 server: ${why}`));
}

export interface S3Store extends MediaStore {
  close(): void;
}

/** Opens the store; whether its bucket is there and takes objects is for `check` to tell. */
export function openS3Store(options: S3StoreOptions): S3Store {
  return new BucketStore(options);
}

class BucketStore implements S3Store {
  readonly #at: Bucket;
  readonly #onProblem: (error: unknown) => void;
  readonly linkTo?: (key: string, as: LinkedObject) => Promise<string>;
  readonly linkOrigin?: string;
  #isWritable = false;
  #sweptAtMs = 0;

  constructor({ redirects, onProblem, ...settings }: S3StoreOptions) {
    this.#at = openBucket(settings);
    this.#onProblem = onProblem;
    if (!redirects) return;
    this.linkTo = (key, as) => this.#signLink(key, as);
    this.linkOrigin = this.#at.origin;
  }

  async stage(key: string, checkpoint?: JsonObject): Promise<StagedObject> {
    assertMediaKey(key);
    void this.#sweep();
    const uploadId = checkpoint?.['uploadId'];
    const resumed = typeof uploadId === 'string' ? await resumeUpload(this.#at, key, uploadId) : null;
    return resumed ?? new StagedUpload(this.#at, key);
  }

  async read(key: string, range?: ByteRange): Promise<Readable | null> {
    assertMediaKey(key);
    return await readObject(this.#at, key, range);
  }

  async sizeBytes(key: string): Promise<number | null> {
    assertMediaKey(key);
    const head = new HeadObjectCommand(this.#named(key));
    const found = await ifThere(this.#at.client.send(head));
    return found?.ContentLength ?? null;
  }

  async remove(key: string): Promise<void> {
    assertMediaKey(key);
    await this.#at.client.send(new DeleteObjectCommand(this.#named(key)));
  }

  /**
   * Writes once and reads that back, so that keys which only read are told from others, and a server from a proxy that answers
   * all requests alike; afterwards it costs what a read costs.
   */
  async check(): Promise<void> {
    const { client, bucket } = this.#at;
    const { Name, MaxKeys, IsTruncated } = await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }));
    // A page that something else answers with is read as a list of nothing.
    if (Name === undefined && MaxKeys === undefined && IsTruncated === undefined) throw noServer('it lists no bucket');
    if (this.#isWritable) return;
    const key = `.check-${randomBytes(8).toString('hex')}`;
    await client.send(new PutObjectCommand({ ...this.#named(key), Body: key }));
    const isThere = await this.#holds(key);
    await client.send(new DeleteObjectCommand(this.#named(key)));
    if (!isThere) throw noServer('what is written there cannot be read back');
    this.#isWritable = true;
  }

  /** Whether there is an object whose bytes are its key's. */
  async #holds(key: string): Promise<boolean> {
    const body: AsyncIterable<Uint8Array> = (await readObject(this.#at, key)) ?? Readable.from([]);
    let read = '';
    for await (const chunk of body) {
      read += Buffer.from(chunk).toString('latin1');
      if (read.length > key.length) return false;
    }
    return read === key;
  }

  close(): void {
    this.#at.client.destroy();
  }

  #named(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#at.bucket, Key: key };
  }

  async #signLink(key: string, { contentType, filename }: LinkedObject): Promise<string> {
    assertMediaKey(key);
    const get = new GetObjectCommand({
      ...this.#named(key),
      ResponseContentType: contentType,
      ResponseContentDisposition: `inline; filename="${filename}"`,
      ResponseCacheControl: 'private',
    });
    return await getSignedUrl(this.#at.client, get, { expiresIn: LINK_SECONDS });
  }

  async #sweep(): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
    this.#sweptAtMs = nowMs;
    await abortAbandonedUploads(this.#at, new Date(nowMs - ABANDONED_MS)).catch(this.#onProblem);
  }
}
