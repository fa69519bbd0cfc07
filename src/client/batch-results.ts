/** `clipyard batch results`: the clips of a batch in a folder, each verified, with a manifest of all lines beside them. */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { problemOfFolder } from '../config/folder.ts';
import { eachAtOnce } from '../domain/at-once.ts';
import { isVideoId } from '../domain/video.ts';
import { MANIFEST_HEADS, type ManifestFormat, type ManifestRow, printManifestRow } from '../wire/clipyard/manifest.ts';
import { type BatchLine, describeCounts, linePages, lookAtBatch } from './batch-answers.ts';
import { patiently } from './follow.ts';
import { CommandFailure, type GatewayClient, GatewayFailure } from './gateway-client.ts';
import { oneLine } from './output.ts';
import { drawBar, openProgressView, type Picture } from './progress.ts';
import { type ArchivedClip, isClip, receiveClip } from './receive-clip.ts';
import type { Session } from './run-command.ts';

const CLIPS_AT_ONCE = 4;
const PART = '.part';

/** How far it is. */
interface Tally {
  readonly completed: number;
  readonly fetched: number;
  /** They were there already. */
  readonly verified: number;
  readonly failed: readonly { readonly id: string; readonly message: string }[];
}

const RESULTS_PICTURE: Picture<Tally> = {
  draw({ completed, fetched, verified, failed }, { cyan }) {
    const done = fetched + verified + failed.length;
    return [`${drawBar((done / Math.max(completed, 1)) * 100, cyan)} ${done} of ${completed} clips`];
  },
  say: ({ failed }) => failed.slice(-1).map(({ id, message }) => oneLine(`${id}: ${message}`)),
};

/**
 * Has the clip in the file; a part stays where it breaks off, for the next run.
 * @returns whether something of it was missing.
 */
async function completeFile(gateway: GatewayClient, clip: ArchivedClip, file: string): Promise<boolean> {
  if (await isClip(file, clip)) return false;
  const part = await open(file + PART, constants.O_RDWR | constants.O_CREAT);
  try {
    await patiently(gateway, () => receiveClip(gateway, clip, part));
    await part.sync();
  } finally {
    await part.close();
  }
  await rename(file + PART, file).catch(async (error: NodeJS.ErrnoException) => {
    // Another run into this folder received the same part, and was first.
    if (error.code !== 'ENOENT' || !(await isClip(file, clip))) throw error;
  });
  return true;
}

/** The clip of a completed line. @throws CommandFailure where there is none. */
function clipOf({ line, videoId, archive }: BatchLine): ArchivedClip {
  if (videoId === null || archive === null || !isVideoId(videoId)) {
    throw new CommandFailure(`line ${line} completed, and has no clip`);
  }
  return { id: videoId, archive };
}

/** Whether the other clips can be had all the same. */
function isOfClip(error: unknown): error is CommandFailure {
  return error instanceof CommandFailure && !(error instanceof GatewayFailure && error.status === null);
}

function rowOf(item: BatchLine, hasFile: boolean): ManifestRow {
  const { archive, failure } = item;
  return {
    custom_id: item.customId,
    line: item.line,
    id: item.videoId,
    state: item.state,
    file: hasFile ? `${item.videoId}.mp4` : null,
    sha256: archive?.sha256 ?? null,
    bytes: archive?.sizeBytes ?? null,
    duration_ms: archive?.durationMs ?? null,
    model: item.model,
    prompt: item.prompt,
    cost_micro_usd: item.costMicroUsd,
    failure_kind: failure?.kind ?? null,
    failure_message: failure?.message ?? null,
  };
}

interface ManifestFile {
  readonly format: ManifestFormat;
  readonly draft: string;
  readonly file: FileHandle;
}

/** Both manifests, drafted apart from the folder, so that each run into it puts whole ones there. */
class Manifests {
  readonly #folder: string;
  readonly #files: readonly ManifestFile[];

  private constructor(folder: string, files: readonly ManifestFile[]) {
    this.#folder = folder;
    this.#files = files;
  }

  static async open(): Promise<Manifests> {
    const folder = await mkdtemp(join(tmpdir(), 'clipyard-'));
    const formats = ['jsonl', 'csv'] as const;
    const files = formats.map(async (format) => {
      const draft = join(folder, `manifest.${format}`);
      const file = await open(draft, 'w');
      await file.writeFile(MANIFEST_HEADS[format]);
      return { format, draft, file };
    });
    return new Manifests(folder, await Promise.all(files));
  }

  async add(rows: readonly ManifestRow[]): Promise<void> {
    for (const { format, file } of this.#files) {
      await file.writeFile(rows.map((row) => printManifestRow(row, format)).join(''));
    }
  }

  async putInto(dir: string): Promise<void> {
    for (const { format, draft } of this.#files) {
      const name = join(dir, `manifest.${format}`);
      const part = `${name}.${randomBytes(4).toString('hex')}${PART}`;
      try {
        await copyFile(draft, part);
        const copied = await open(part, 'r+');
        await copied.sync().finally(() => copied.close());
        await rename(part, name);
      } finally {
        await rm(part, { force: true });
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map(({ file }) => file.close()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Fetches what is missing of a batch's clips; @throws what keeps all of them from being had. */
class Results {
  readonly #gateway: GatewayClient;
  readonly #dir: string;
  readonly #show: (tally: Tally) => void;
  tally: Tally;

  constructor(gateway: GatewayClient, dir: string, completed: number, show: (tally: Tally) => void) {
    this.#gateway = gateway;
    this.#dir = dir;
    this.#show = show;
    this.tally = { completed, fetched: 0, verified: 0, failed: [] };
  }

  /** A page of lines as the manifests have them. */
  async take(items: readonly BatchLine[]): Promise<readonly ManifestRow[]> {
    const there = new Set<BatchLine>();
    let broken: unknown;
    const completed = items.filter(({ state }) => state === 'completed');
    await eachAtOnce(completed, CLIPS_AT_ONCE, async (item) => {
      if (broken !== undefined) return;
      try {
        await this.#take(item);
        there.add(item);
      } catch (error) {
        if (this.#gateway.signal.aborted || !isOfClip(error)) {
          broken = error;
          return;
        }
        const { failed } = this.tally;
        this.#change({ failed: [...failed, { id: item.videoId ?? `line ${item.line}`, message: error.message }] });
      }
    });
    if (broken !== undefined) throw broken;
    return items.map((item) => rowOf(item, there.has(item)));
  }

  async #take(item: BatchLine): Promise<void> {
    const clip = clipOf(item);
    const isFetched = await completeFile(this.#gateway, clip, join(this.#dir, `${clip.id}.mp4`));
    const { fetched, verified } = this.tally;
    this.#change(isFetched ? { fetched: fetched + 1 } : { verified: verified + 1 });
  }

  #change(change: Partial<Tally>): void {
    this.tally = { ...this.tally, ...change };
    this.#show(this.tally);
  }
}

/**
 * Brings a folder up to a batch as it is now: what is there and verified stays, what is there in part is gone on with.
 * @throws CommandFailure unless each completed clip is there and verified.
 */
export async function fetchResults({ gateway, output }: Session, id: string, dir: string): Promise<void> {
  const { batch } = await lookAtBatch(gateway, id);
  const problem = problemOfFolder(resolve(dir));
  if (problem !== null) throw new CommandFailure(`--dir ${problem}`);
  const manifests = await Manifests.open();
  const view = openProgressView(output.notes, RESULTS_PICTURE);
  const results = new Results(gateway, dir, batch.counts.completed, (tally) => view.update(tally));
  try {
    for await (const items of linePages(gateway, id)) await manifests.add(await results.take(items));
    await manifests.putInto(dir);
  } finally {
    view.close();
    await manifests.close();
  }
  const { fetched, verified, failed } = results.tally;
  const completed = fetched + verified + failed.length;
  output.show({ id, state: batch.state, dir, completed, fetched, verified, failed }, () =>
    [
      `${fetched + verified} of ${completed} clips are in ${dir}, each verified: ${fetched} fetched, ${verified} were there`,
      ...(batch.endedAt === null ? [`${id} goes on: ${describeCounts(batch)}`] : []),
    ].join('\n'),
  );
  if (failed.length > 0) throw new CommandFailure(`${failed.length} of ${completed} clips could not be had`);
}
