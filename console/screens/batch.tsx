/** A batch: a cell a clip, what is expected when, its failed lines again, its clips as one film. */

import { useState } from 'preact/hooks';
import type { Batch, BatchItem, Film } from '../answers.ts';
import { ask, local, post, readPages } from '../api.ts';
import { slowly } from '../clock.ts';
import { useLoaded } from '../load.ts';
import { attempt, confirm } from '../notices.tsx';
import { Ago, Badge, CommandPanel, Facts, Figure, Head, Loading, Missing, Panel } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { go, href } from '../router.ts';
import { ago, bytes, counted, dateTime, dollars, duration, shortId } from '../view/format.ts';
import { failureWords } from '../view/words.ts';

const ENDS: readonly string[] = ['completed', 'failed', 'expired', 'cancelled'];
const EVERY_MS = 2500;
/** Cells beyond these are too many for a page; the manifest has them all. */
const MOST_PAGES = 10;

export function BatchScreen({ id }: { readonly id: string }) {
  const [isEnded, setEnded] = useState(false);
  const path = `batches/${encodeURIComponent(id)}`;
  const { data, error, reload } = useLoaded(
    async (signal) => {
      const [batch, items] = await Promise.all([
        ask<Batch>(path, { signal }),
        readPages<BatchItem>(`${path}/items`, { limit: 200, most: MOST_PAGES, signal }),
      ]);
      setEnded(ENDS.includes(batch.state));
      return { batch, items: items.items };
    },
    [id],
    isEnded ? null : EVERY_MS,
  );
  if (error !== null && data === undefined) {
    return <Missing title={`Batch ${shortId(id)}`} error={error} retry={reload} />;
  }
  if (data === undefined) return <Loading />;
  const { batch, items } = data;
  return (
    <>
      <p class="crumbs">
        <a href={href('/batches')}>Batches</a> <span aria-hidden="true">/</span> {shortId(id)}
      </p>
      <Head
        title={batch.name ?? `Batch ${shortId(id)}`}
        note={
          <>
            <Badge state={batch.state} /> <Ago at={batch.createdAt} />
          </>
        }
      >
        <Actions batch={batch} reload={reload} />
      </Head>
      <Counts batch={batch} />
      <div class="stack">
        <Grid batch={batch} items={items} />
        <div class="grid">
          <FilmPanel batch={batch} items={items} />
          <Failed items={items} />
          <Results batch={batch} />
          <Details batch={batch} />
        </div>
      </div>
    </>
  );
}

function Actions({ batch, reload }: { batch: Batch; reload: () => void }) {
  const { id, state, counts, workflowUrl } = batch;
  const path = `batches/${encodeURIComponent(id)}`;
  const rest = counts.failed + counts.cancelled + counts.expired;
  const cancel = async () => {
    const isMeant = await confirm({
      title: 'Cancel this batch?',
      body: 'What was submitted is finished and paid; nothing else begins.',
      yes: 'Cancel it',
      isDangerous: true,
    });
    if (isMeant) await attempt('It is being cancelled.', () => post(`${path}/cancel`));
    reload();
  };
  const retry = () =>
    attempt(`${counted(rest, 'line is', 'lines are')} made again.`, async () =>
      go(`/batches/${(await post<Batch>(`${path}/retry`)).id}`),
    );
  return (
    <>
      {ENDS.includes(state) && rest > 0 && (
        <Button label={`Retry ${rest} that failed`} class="primary" onClick={retry} />
      )}
      <a class="button" href={href(`/videos?batch=${encodeURIComponent(id)}&view=gallery`)}>
        Gallery
      </a>
      <a class="button" href={`/clipyard/v1/${path}/manifest?format=csv`} download={`${id}.csv`}>
        Manifest
      </a>
      {!ENDS.includes(state) && <Button label="Cancel" class="danger" onClick={cancel} />}
      {workflowUrl !== null && (
        <a class="button" href={workflowUrl} target="_blank" rel="noreferrer">
          Temporal ↗
        </a>
      )}
    </>
  );
}

function Counts({
  batch: { counts, total, costMicroUsd, estimateMicroUsd, expectedEndAt, endedAt, createdAt },
}: {
  batch: Batch;
}) {
  const ended = counts.completed + counts.failed + counts.cancelled + counts.expired;
  return (
    <div class="figures">
      <Figure name="Done" value={`${ended} / ${total}`} note={`${counts.completed} completed`} />
      <Figure name="Under way" value={counts.running} note={`${counts.queued} not begun`} />
      <Figure name="Failed" value={counts.failed} note={`${counts.cancelled + counts.expired} cancelled or expired`} />
      <Figure name="Cost" value={dollars(costMicroUsd)} note={`of about ${dollars(estimateMicroUsd)}`} />
      {endedAt === null ? (
        <Figure
          name="Expected end"
          value={expectedEndAt === null ? '–' : ago(expectedEndAt, slowly.value)}
          note={expectedEndAt === null ? 'not known yet' : dateTime(expectedEndAt)}
        />
      ) : (
        <Figure name="Took" value={duration(Date.parse(endedAt) - Date.parse(createdAt))} note={dateTime(endedAt)} />
      )}
    </div>
  );
}

const LOOKS = ['queued', 'running', 'completed', 'failed', 'cancelled', 'expired'] as const;

/** Tab goes to the first cell and past all others, which the arrows lead to. */
function Grid({ batch, items }: { batch: Batch; items: readonly BatchItem[] }) {
  const first = items.find(({ videoId }) => videoId !== null)?.line;
  return (
    <Panel
      title="Clips"
      aside={
        <ul class="legend">
          {LOOKS.filter((state) => batch.counts[state] > 0).map((state) => (
            <li key={state} class={`badge state-${state}`}>
              {batch.counts[state]} {state}
            </li>
          ))}
        </ul>
      }
    >
      <div class="cells" role="group" aria-label="Clips">
        {items.map(({ line, customId, state, videoId, prompt }) => {
          const title = `${customId}: ${state}${prompt === null ? '' : `, ${prompt.slice(0, 80)}`}`;
          return videoId === null ? (
            <span key={line} class={`state-${state}`} title={title} />
          ) : (
            <a
              key={line}
              class={`state-${state}`}
              href={href(`/videos/${videoId}`)}
              title={title}
              tabIndex={line === first ? 0 : -1}
            >
              <span class="unseen">{title}</span>
            </a>
          );
        })}
      </div>
      {items.length < batch.total && (
        <p class="soft small">
          The first {items.length} of {batch.total}; the manifest has them all.
        </p>
      )}
    </Panel>
  );
}

function Failed({ items }: { items: readonly BatchItem[] }) {
  const failed = items.filter(({ failure }) => failure !== null);
  if (failed.length === 0) return null;
  return (
    <Panel title="What went wrong">
      <ul class="plain">
        {failed.slice(0, 30).map(({ line, customId, videoId, failure }) => (
          <li key={line}>
            {videoId === null ? <strong>{customId}</strong> : <a href={href(`/videos/${videoId}`)}>{customId}</a>}:{' '}
            {failure && failureWords(failure.kind)}
          </li>
        ))}
      </ul>
      {failed.length > 30 && <p class="soft small">and {failed.length - 30} more.</p>}
    </Panel>
  );
}

/** All clips at once; a browser fetches them one by one, after they were chosen in the gallery. */
function Results({ batch: { id, counts } }: { batch: Batch }) {
  if (counts.completed === 0) return null;
  const command = `npx clipyard batch results ${id} --dir clips`;
  return (
    <CommandPanel title="Results" command={command}>
      <p class="soft">
        {counted(counts.completed, 'clip')} so far, each verified, with a manifest of all lines; run again, it goes on
        where it stopped:
      </p>
    </CommandPanel>
  );
}

function Details({ batch }: { batch: Batch }) {
  const { id, window, expiresAt, retryOf, inputFileId, callbackUrl } = batch;
  return (
    <Panel title="Details">
      <Facts
        of={[
          ['Id', <code key="id">{id}</code>],
          ['Window', `${window}, to ${dateTime(expiresAt)}`],
          [
            'Retry of',
            retryOf === null ? null : (
              <a key="r" href={href(`/batches/${retryOf}`)}>
                {shortId(retryOf)}
              </a>
            ),
          ],
          ['Input file', inputFileId === null ? null : <code key="f">{inputFileId}</code>],
          ['Told to', callbackUrl],
        ]}
      />
    </Panel>
  );
}

/** Where some lines have no clip, those that have are named: a film of a batch is one of all its lines. */
function clipsOf({ id, counts }: Batch, items: readonly BatchItem[]) {
  if (counts.failed + counts.cancelled + counts.expired === 0) return { batchId: id };
  return {
    videos: items.flatMap(({ state, videoId }) => (state === 'completed' && videoId !== null ? [videoId] : [])),
  };
}

/** The completed clips in order, joined. */
function FilmPanel({ batch, items }: { batch: Batch; items: readonly BatchItem[] }) {
  const [filmId, setFilmId] = useState<string | null>(null);
  const [isMade, setMade] = useState(false);
  const { data: film } = useLoaded(
    async (signal) => {
      if (filmId === null) return null;
      const read = await ask<Film>(`films/${filmId}`, { signal });
      setMade(read.endedAt !== null);
      return read;
    },
    [filmId],
    isMade ? null : 1500,
  );
  if (!ENDS.includes(batch.state) || batch.counts.completed === 0) return null;
  const join = (transition: Film['transition']) =>
    attempt('The film is being joined.', async () => {
      const body = { ...clipsOf(batch, items), transition };
      // The same key finds the film that is there already, where it did not fail.
      const once = film?.failure ? {} : { idempotencyKey: `${batch.id}-${transition}` };
      const { id } = await post<Film>('films', body, once);
      setFilmId(id);
    });
  return (
    <Panel title="Film">
      {film?.archive?.url == null ? (
        <>
          <p class="soft">{counted(batch.counts.completed, 'clip')} joined in the order of their lines.</p>
          {film && film.failure === null && <progress max={100} value={film.progress} aria-label="Joining" />}
          {film?.failure && <p class="problem">{film.failure.message}</p>}
          <div class="actions">
            <Button label="Join with cuts" onClick={() => join('cut')} />
            <Button label="With crossfades" onClick={() => join('crossfade')} />
          </div>
        </>
      ) : (
        <>
          <div class="player film">
            {/* biome-ignore lint/a11y/useMediaCaption: what is generated has no words that were written down */}
            <video controls playsInline preload="metadata" src={local(film.archive.url)} aria-label="Film" />
          </div>
          <p class="soft small">
            {duration(film.archive.durationMs)}, {bytes(film.archive.sizeBytes)}
          </p>
          <a class="button" href={local(film.archive.url)} download={`${film.id}.mp4`}>
            Download
          </a>
        </>
      )}
    </Panel>
  );
}
