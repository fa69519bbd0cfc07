/** `clipyard video …`: making, following, fetching and removing videos at a running gateway. */

import { type Command, Option } from 'commander';
import { VIDEO_STATES } from '../domain/video.ts';
import { MODES } from '../domain/video-request.ts';
import { LONGEST_DURATION_SECONDS, PAGE_LIMIT } from '../wire/clipyard/fields.ts';
import { VIDEO_PATHS } from '../wire/clipyard/videos.ts';
import { addBulkCommands } from './bulk-commands.ts';
import { createBodyOf, createVideo, type VideoOptions } from './create-video.ts';
import { CommandFailure } from './gateway-client.ts';
import { collect, idempotencyKey, jsonObject, numberBetween, wordsAmong } from './option-values.ts';
import { dollars } from './output.ts';
import { queryOf } from './query.ts';
import {
  addIdCommand,
  type FindGateway,
  type IdCommand,
  JSON_OPTION,
  type JsonFlag,
  runCommand,
  type Session,
} from './run-command.ts';
import { OUTPUT_OPTION, type SaveOptions, saveClip } from './save-clip.ts';
import { newKey } from './send-once.ts';
import { lookAt, renderSnapshot, renderVideos, requireCompleted, type SnapshotAnswer } from './video-answers.ts';
import { watchVideo } from './watch-video.ts';

interface ListOptions extends JsonFlag {
  readonly state?: readonly string[];
  readonly model?: string;
  readonly batch?: string;
  readonly caller?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

type CreateOptions = VideoOptions & JsonFlag & { readonly idempotencyKey?: string; readonly watch?: boolean };

function showSnapshot({ output }: Session, { answer, snapshot }: SnapshotAnswer): void {
  output.show(answer, () => renderSnapshot(snapshot));
}

/** Follows a video; its last state has been shown, so people are told only what came of it. */
async function watch(session: Session, id: string): Promise<void> {
  const { answer, snapshot } = await watchVideo(session, id);
  const cost = dollars(snapshot.cost.settledMicroUsd) ?? 'nothing';
  session.output.show(answer, () => `${id} ${snapshot.state}, charged ${cost}`);
  requireCompleted(snapshot);
}

async function create(session: Session, options: CreateOptions): Promise<void> {
  const body = await createBodyOf(options);
  const key = options.idempotencyKey ?? newKey();
  const id = await createVideo(session.gateway, body, key);
  if (options.watch) {
    session.output.notes.write(`${id}\n`);
    return await watch(session, id);
  }
  if (!options.json) return session.output.show(id, () => id);
  const { answer } = await lookAt(session.gateway, id).catch((error: unknown) => {
    throw new CommandFailure(`${id} was created, but cannot be shown: ${String(error)}`);
  });
  session.output.show(answer, () => id);
}

async function download(session: Session, id: string, options: SaveOptions): Promise<void> {
  const { snapshot } = await lookAt(session.gateway, id);
  requireCompleted(snapshot);
  const { archive } = snapshot;
  if (!archive?.url) throw new CommandFailure(`the clip of ${id} has been removed`);
  await saveClip(session, { id, archive }, options);
}

function addCreate(video: Command, findGateway: FindGateway): void {
  video
    .command('create')
    .description('ask for a video; prints its id')
    .requiredOption('--model <model>', 'which model makes it')
    .requiredOption('--prompt <text>', 'what it shows')
    .addOption(new Option('--mode <mode>', 'by default what the number of images suggests').choices(MODES))
    .option('--duration <seconds>', 'whole seconds', numberBetween(1, LONGEST_DURATION_SECONDS, true))
    .option('--aspect-ratio <ratio>', 'such as 16:9')
    .option('--quality <quality>', 'such as 720p')
    .option('--image <file-or-url>', 'first frame, or given several times, references', collect, [])
    .option('--seed <number>', 'forwarded', numberBetween(0, Number.MAX_SAFE_INTEGER, true))
    .option('--extra <json>', 'an object of more keys, forwarded as they stand', jsonObject)
    .option('--callback <url>', 'told of the end')
    .option('--deliver-to <url>', 'a presigned PUT, where the clip is delivered')
    .option('--idempotency-key <key>', 'the same key is the same video; one is generated', idempotencyKey)
    .option('--watch', 'wait for the end; exit 1 unless it is completed')
    .option(...JSON_OPTION)
    .action((options: CreateOptions) => runCommand(findGateway, options, (session) => create(session, options)));
}

function addList(video: Command, findGateway: FindGateway): void {
  video
    .command('list')
    .description('videos, the newest first')
    .option('--state <states>', 'such as queued,generating', wordsAmong(VIDEO_STATES))
    .option('--model <model>', 'of this model')
    .option('--batch <id>', 'of this batch')
    .option('--caller <id>', "of this caller; root's key sees all")
    .option('--limit <count>', 'how many', numberBetween(1, PAGE_LIMIT.max, true))
    .option('--cursor <cursor>', 'where the page before ended')
    .option(...JSON_OPTION)
    .action((options: ListOptions) =>
      runCommand(findGateway, options, async ({ gateway, output }) => {
        const { json: _json, batch, state, ...filter } = options;
        const query = queryOf({ ...filter, state: state?.join(','), batchId: batch });
        const answer = await gateway.ask({ method: 'GET', path: VIDEO_PATHS.videos + query });
        output.show(answer, () => renderVideos(answer));
      }),
    );
}

function addDownload(video: Command, findGateway: FindGateway): void {
  video
    .command('download')
    .argument('<id>')
    .description('fetch the clip of a completed video and check it against what was archived')
    .option(...OUTPUT_OPTION)
    .option('--force', 'replace the file if it is there')
    .option(...JSON_OPTION)
    .action((id: string, options: SaveOptions) =>
      runCommand(findGateway, options, (session) => download(session, id, options)),
    );
}

/** Adds the group. */
export function addVideoCommands(program: Command, findGateway: FindGateway): void {
  const video = program.command('video').description('videos at a running gateway');
  const addById = (name: string, description: string, work: IdCommand['work']) =>
    addIdCommand(video, findGateway, { name, description, work });

  addCreate(video, findGateway);
  addById('get', 'everything about a video', async (session, id) => {
    showSnapshot(session, await lookAt(session.gateway, id));
  });
  addList(video, findGateway);
  addById('watch', 'follow a video to its end; exit 1 unless it is completed', watch);
  addDownload(video, findGateway);
  addBulkCommands(video, findGateway);
}
