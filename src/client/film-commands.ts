/** `clipyard film …`: ended clips joined in order into one MP4. */

import { type Command, Option } from 'commander';
import { TRANSITIONS, type Transition } from '../domain/film.ts';
import { createFilm, describeFilm, lookAtFilm, renderFilm, requireFilm, watchFilm } from './film-answers.ts';
import { CommandFailure } from './gateway-client.ts';
import { idempotencyKey } from './option-values.ts';
import { addIdCommand, type FindGateway, JSON_OPTION, type JsonFlag, runCommand, type Session } from './run-command.ts';
import { OUTPUT_OPTION, type SaveOptions, saveClip } from './save-clip.ts';
import { newKey } from './send-once.ts';

interface CreateOptions extends JsonFlag {
  readonly batch?: string;
  readonly transition?: Transition;
  readonly idempotencyKey?: string;
  readonly watch?: boolean;
}

async function create({ gateway, output }: Session, videos: readonly string[], options: CreateOptions): Promise<void> {
  const { batch: batchId, transition, watch } = options;
  if ((batchId === undefined) === (videos.length === 0)) {
    throw new CommandFailure('either the ids of videos are wanted, or --batch');
  }
  const clips = batchId === undefined ? { videos } : { batchId };
  const key = options.idempotencyKey ?? newKey();
  const { answer, film } = await createFilm(gateway, { ...clips, transition }, key);
  if (!watch) return output.show(answer, () => film.id);
  output.notes.write(`${film.id}\n`);
  const watched = await watchFilm(gateway, film.id, output.notes);
  output.show(watched.answer, () => `${film.id} ${watched.film.state}, ${describeFilm(watched.film)}`);
  requireFilm(watched.film);
}

/** The link's path: the gateway's public address need not be the one that it is asked at. */
function pathOfLink(link: string): string {
  return link.slice(link.indexOf('/media/'));
}

async function download(session: Session, id: string, options: SaveOptions): Promise<void> {
  const { film } = await lookAtFilm(session.gateway, id);
  requireFilm(film);
  const { archive } = film;
  if (!archive?.url) throw new CommandFailure(`${id} has been removed`);
  await saveClip(session, { id, archive, path: pathOfLink(archive.url) }, options);
}

/** Adds the group. */
export function addFilmCommands(program: Command, findGateway: FindGateway): void {
  const film = program.command('film').description('films at a running gateway: clips joined into one');
  film
    .command('create')
    .argument('[ids...]', 'completed videos, in order')
    .description('join clips into one MP4; prints its id')
    .option('--batch <id>', 'all clips of a batch, in the order of its lines')
    .addOption(new Option('--transition <what>', 'how clips follow each other; cut without it').choices(TRANSITIONS))
    .option('--idempotency-key <key>', 'the same key is the same film; one is generated', idempotencyKey)
    .option('--watch', 'wait for the end; exit 1 unless it is completed')
    .option(...JSON_OPTION)
    .action((ids: string[], options: CreateOptions) =>
      runCommand(findGateway, options, (session) => create(session, ids, options)),
    );
  addIdCommand(film, findGateway, {
    name: 'get',
    description: 'how far a film is, and where it lies',
    work: async ({ gateway, output }, id) => {
      const { answer, film: shown } = await lookAtFilm(gateway, id);
      output.show(answer, () => renderFilm(shown));
    },
  });
  film
    .command('download')
    .argument('<id>')
    .description('fetch a film and check it against what was archived')
    .option(...OUTPUT_OPTION)
    .option('--force', 'replace the file if it is there')
    .option(...JSON_OPTION)
    .action((id: string, options: SaveOptions) =>
      runCommand(findGateway, options, (session) => download(session, id, options)),
    );
}
