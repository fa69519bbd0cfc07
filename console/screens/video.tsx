/** A video: the clip, its life, its money, its request, and what can be asked of it. */

import { useState } from 'preact/hooks';
import type { Delivery, Page, Video } from '../answers.ts';
import { ask, local, post } from '../api.ts';
import { act } from '../bulk.ts';
import { known, remember } from '../live.ts';
import { useLoaded } from '../load.ts';
import { attempt } from '../notices.tsx';
import { Ago, Badge, Head, Loading, Missing, Panel, StateBadge } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { DeliveryDialog } from '../parts/delivery.tsx';
import { Life } from '../parts/life.tsx';
import { Player } from '../parts/player.tsx';
import { go, href } from '../router.ts';
import { isRoot } from '../session.ts';
import { isEnded } from '../view/filters.ts';
import { sentence, shortId } from '../view/format.ts';
import { adviceOn, failureWords, waitEnds, whyOf } from '../view/words.ts';
import { Decide } from './decide.tsx';
import { Asked, Curl, Known, Paid } from './video-facts.tsx';

const BETWEEN_READS_MS = 4000;

export function VideoScreen({ id }: { readonly id: string }) {
  const video = known.value.get(id);
  // Polls are not told of: they show as it is read again.
  const everyMs = video?.state === 'generating' ? BETWEEN_READS_MS : null;
  const { error, reload } = useLoaded(
    async (signal) => {
      const read = await ask<Video>(`videos/${encodeURIComponent(id)}`, { signal });
      remember([read]);
      return read;
    },
    [id],
    everyMs,
  );
  if (video === undefined) {
    return error === null ? <Loading /> : <Missing title={`Video ${shortId(id)}`} error={error} retry={reload} />;
  }
  return <Shown video={video} reload={reload} />;
}

/** Who was told of its end. */
function useDeliveries({ id, state }: Video): readonly Delivery[] {
  const { data } = useLoaded(
    (signal) => ask<Page<Delivery>>(`videos/${encodeURIComponent(id)}/deliveries`, { signal }),
    [id, state],
    5000,
  );
  return data?.items ?? [];
}

function Shown({ video, reload }: { video: Video; reload: () => void }) {
  const { id, state, request, againOf, batchId } = video;
  const deliveries = useDeliveries(video);
  return (
    <>
      <p class="crumbs">
        <a href={href('/videos')}>Videos</a> <span aria-hidden="true">/</span> {shortId(id)}
      </p>
      <Head
        title={request.prompt.length > 120 ? `${request.prompt.slice(0, 119)}…` : request.prompt}
        note={
          <>
            <StateBadge state={state} /> {video.model} · <Ago at={video.createdAt} />
            {againOf !== null && (
              <>
                {' '}
                · again of <a href={href(`/videos/${againOf}`)}>{shortId(againOf)}</a>
              </>
            )}
            {batchId !== null && (
              <>
                {' '}
                · in <a href={href(`/batches/${batchId}`)}>batch {shortId(batchId)}</a>
              </>
            )}
          </>
        }
      >
        <Actions video={video} reload={reload} />
      </Head>
      <Why video={video} />
      <div class="columns">
        <div class="stack">
          <Player video={video} />
          <Panel title="Timeline">
            <Life video={video} deliveries={deliveries} />
          </Panel>
          <Told deliveries={deliveries} />
          <Asked video={video} />
        </div>
        <div class="stack">
          {isRoot.value && <Decide key={video.state} video={video} reload={reload} />}
          <Paid video={video} />
          <Known video={video} />
          <Curl video={video} />
        </div>
      </div>
    </>
  );
}

function Actions({ video, reload }: { video: Video; reload: () => void }) {
  const { id, archive, workflowUrl, failure } = video;
  const order = async (what: string, done: string) => {
    await attempt(done, async () => remember([await post<Video>(`videos/${encodeURIComponent(id)}/${what}`)]));
    reload();
  };
  return (
    <>
      {archive?.url != null && (
        <a class="button primary" href={local(archive.url)} download={`${id}.mp4`}>
          Download
        </a>
      )}
      <Button label="Again" onClick={() => again(video)} />
      <a class="button" href={href(`/new?from=${encodeURIComponent(id)}`)}>
        Again with changes
      </a>
      {!isEnded(video) && (
        <>
          <Button label="Poll now" onClick={() => order('recheck', 'Its task is polled as soon as it may be.')} />
          <Button label="Cancel" class="danger" onClick={() => act('cancel', [video])} />
        </>
      )}
      {failure?.kind === 'result_expired' && (
        <Button label="Fetch again" onClick={() => order('rearchive', 'The clip is fetched again.')} />
      )}
      {isEnded(video) && (
        <Button
          label="Delete"
          onClick={() => act('delete', [video]).then((isDone) => isDone && go('/videos', { replace: true }))}
        />
      )}
      {workflowUrl !== null && (
        <a class="button" href={workflowUrl} target="_blank" rel="noreferrer">
          Temporal ↗
        </a>
      )}
    </>
  );
}

/** The same request once more, as a new video that is shown. */
export async function again({ id }: Video): Promise<void> {
  await attempt('It is made again.', async () => {
    const made = await post<Video>(`videos/${encodeURIComponent(id)}/again`);
    remember([made]);
    go(`/videos/${made.id}`);
  });
}

/** Why it is where it is, and what the upstream itself said. */
function Why({ video }: { video: Video }) {
  const why = whyOf(video);
  const { failure } = video;
  if (why === null) return null;
  const said = failure?.upstream;
  const hasSaid = said != null && [said.message, said.status, said.code].some((each) => each != null);
  const advice = failure && adviceOn(failure.kind);
  const hasMore = failure !== null && ![failureWords(failure.kind), said?.message].includes(failure.message);
  return (
    <div class={failure === null || video.state === 'cancelled' ? 'why' : 'why failed'} role="status">
      <p>{[why, waitEnds(video, Date.now())].filter(Boolean).join(' ')}</p>
      {hasMore && <p class="soft">{sentence(failure.message)}</p>}
      {advice !== null && <p>{advice}</p>}
      {hasSaid && (
        <blockquote>
          {said.message ?? 'It gave no reason.'}
          <footer class="soft">
            The upstream{said.status !== undefined && `, with status ${said.status}`}
            {said.code !== undefined && ` (${said.code})`}
            {said.requestId !== undefined && `, request ${said.requestId}`}
          </footer>
        </blockquote>
      )}
    </div>
  );
}

function Told({ deliveries }: { deliveries: readonly Delivery[] }) {
  const [shown, setShown] = useState<string | null>(null);
  if (deliveries.length === 0) return null;
  return (
    <Panel title="Webhooks told of its end">
      <ul class="told">
        {deliveries.map((delivery) => (
          <li key={delivery.id}>
            <Badge state={delivery.state} />
            <span class="clip">{delivery.type}</span>
            <span class="soft small">
              <Ago at={delivery.endedAt ?? delivery.createdAt} />
            </span>
            <Button label="Show" class="small" onClick={() => setShown(delivery.id)} />
          </li>
        ))}
      </ul>
      {shown !== null && <DeliveryDialog id={shown} onClose={() => setShown(null)} />}
    </Panel>
  );
}
