/** A manifest of this machine as the body of a new batch: streamed, its local images uploaded once each before. */

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError } from 'csv-parse';
import { z } from 'zod';
import { eachAtOnce } from '../domain/at-once.ts';
import { MANIFEST_BOUNDS } from '../domain/batch.ts';
import { REQUEST_BOUNDS } from '../domain/video-request.ts';
import { encodeMultipart } from '../net/trusted/encoded-body.ts';
import { StreamedBody } from '../net/trusted/streamed-body.ts';
import { MANIFEST_TYPES } from '../wire/clipyard/batches.ts';
import type { ManifestFormat } from '../wire/clipyard/manifest.ts';
import { patiently } from './follow.ts';
import { CommandFailure, type GatewayClient, GatewayFailure, readAnswer } from './gateway-client.ts';
import { replaceImages } from './manifest-images.ts';
import { oneLine } from './output.ts';
import type { Session } from './run-command.ts';

/** A manifest that can be read again and again. */
interface ManifestFile {
  readonly path: string;
  readonly format: ManifestFormat;
  readonly sizeBytes: number;
  /** Where the paths in it begin. */
  readonly folder: string;
}

const FILES_PATH = '/openai/v1/files';
const UPLOADS_AT_ONCE = 4;
/** The batch has images of its own once it is accepted; a day is for uploading the others. */
const KEPT_SECONDS = 86_400;
const BEGINNING_BYTES = 1024;

const uploaded = z.looseObject({ id: z.string().min(1) });

/** What a manifest without a name begins with: JSON lines are objects. */
async function formatOfBeginning(path: string): Promise<ManifestFormat> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
    return buffer
      .toString('utf8', 0, bytesRead)
      .replace(/^\uFEFF/, '')
      .trimStart()
      .startsWith('{')
      ? 'jsonl'
      : 'csv';
  } finally {
    await file.close();
  }
}

async function describeFile(path: string, folder: string, format?: ManifestFormat): Promise<ManifestFile> {
  const facts = await stat(path);
  if (!facts.isFile()) throw new CommandFailure(`${path} is no file`);
  if (facts.size > MANIFEST_BOUNDS.bytes) {
    throw new CommandFailure(`${path} has ${facts.size} bytes; a manifest may have ${MANIFEST_BOUNDS.bytes}`);
  }
  return { path, folder, sizeBytes: facts.size, format: format ?? (await formatOfBeginning(path)) };
}

/** Paths of the images that its lines name. */
async function findImages({ path, format, folder }: ManifestFile): Promise<ReadonlySet<string>> {
  const images = new Set<string>();
  const collect = (image: string) => {
    images.add(resolve(folder, image));
    return null;
  };
  try {
    for await (const _ of replaceImages(createReadStream(path), format, collect));
  } catch (error) {
    // What is no CSV goes to the gateway as it is, which names the line.
    if (error instanceof CsvError) return new Set();
    throw error;
  }
  return images;
}

/** The id of the file. @throws CommandFailure for what cannot be an image. */
async function upload(gateway: GatewayClient, path: string, isReached: boolean): Promise<string> {
  const { size } = await stat(path);
  if (size > REQUEST_BOUNDS.imageBytes) {
    throw new CommandFailure(`it has ${size} bytes; an image may have ${REQUEST_BOUNDS.imageBytes}`);
  }
  const fields = [
    ['purpose', 'vision'],
    ['expires_after[anchor]', 'created_at'],
    ['expires_after[seconds]', String(KEPT_SECONDS)],
  ] as const;
  const bytes = await readFile(path);
  const file = { field: 'file', filename: basename(path), mediaType: 'application/octet-stream', bytes };
  const body = await encodeMultipart(fields, file);
  const ask = () => gateway.ask({ method: 'POST', path: FILES_PATH, body });
  // One that has not answered yet may not be there at all.
  return readAnswer(uploaded, await (isReached ? patiently(gateway, ask) : ask())).id;
}

/** Uploads each once. One that cannot be read stays a path, so that the gateway refuses its lines. */
async function uploadAll(
  { gateway, output }: Session,
  paths: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  let broken: unknown;
  await eachAtOnce([...paths], UPLOADS_AT_ONCE, async (path) => {
    if (broken !== undefined) return;
    try {
      ids.set(path, await upload(gateway, path, ids.size > 0));
    } catch (error) {
      if (error instanceof GatewayFailure || gateway.signal.aborted) broken = error;
      else output.notes.write(`${oneLine(`${path}: ${(error as Error).message}`)}\n`);
    }
  });
  if (broken !== undefined) throw broken;
  return ids;
}

async function* bounded(source: Readable): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of source as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MANIFEST_BOUNDS.bytes)
      throw new CommandFailure(`a manifest may have ${MANIFEST_BOUNDS.bytes} bytes`);
    yield chunk;
  }
}

async function bodyOf(session: Session, file: ManifestFile): Promise<StreamedBody> {
  const { path, format, sizeBytes, folder } = file;
  const ids = await uploadAll(session, await findImages(file));
  const fileIdOf = (image: string) => ids.get(resolve(folder, image)) ?? null;
  const [contentType] = MANIFEST_TYPES[format];
  return new StreamedBody(contentType, sizeBytes, () => {
    const source = createReadStream(path);
    // As it was written, unless something of it is replaced.
    return ids.size === 0 ? source : Readable.from(replaceImages(source, format, fileIdOf), { objectMode: false });
  });
}

/**
 * Works with a manifest as the body of a new batch; `-` is standard input, which is kept in a file meanwhile, since a body
 * may have to be sent again.
 * @throws CommandFailure for what cannot be sent.
 */
export async function withManifest<Result>(
  session: Session,
  file: string,
  work: (body: StreamedBody) => Promise<Result>,
): Promise<Result> {
  if (file !== '-') {
    const format = file.toLowerCase().endsWith('.csv') ? 'csv' : 'jsonl';
    return await work(await bodyOf(session, await describeFile(file, dirname(file), format)));
  }
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-manifest-'));
  try {
    const path = join(folder, 'manifest');
    await pipeline(bounded(process.stdin), createWriteStream(path), { signal: session.gateway.signal });
    return await work(await bodyOf(session, await describeFile(path, process.cwd())));
  } finally {
    await rm(folder, { recursive: true });
  }
}
