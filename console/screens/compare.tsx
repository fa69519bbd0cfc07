/** Several videos side by side: what another seed or another model made of the same words. */

import { useRef } from 'preact/hooks';
import type { Video } from '../answers.ts';
import { ask } from '../api.ts';
import { known, remember } from '../live.ts';
import { useLoaded } from '../load.ts';
import { Empty, Head, Loading, Money, StateBadge, Trouble } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { Player } from '../parts/player.tsx';
import { href, query } from '../router.ts';
import { MOST_AT_ONCE } from '../view/draft.ts';
import { duration } from '../view/format.ts';
import { again } from './video.tsx';

/** Where these are shown beside each other. */
export function comparison(ids: readonly string[]): string {
  return `/compare?ids=${ids.join(',')}`;
}

export function CompareScreen() {
  const ids = (query.value.get('ids') ?? '')
    .split(',')
    .filter((id) => id !== '')
    .slice(0, MOST_AT_ONCE);
  const { data, error, reload } = useLoaded(
    async (signal) => {
      const videos = await Promise.all(ids.map((id) => ask<Video>(`videos/${encodeURIComponent(id)}`, { signal })));
      remember(videos);
      return videos.length;
    },
    [ids],
  );
  const grid = useRef<HTMLUListElement>(null);
  const videos = ids.flatMap((id) => known.value.get(id) ?? []);
  const prompts = new Set(videos.map(({ request }) => request.prompt));
  const [prompt] = prompts;
  const playAll = () => {
    for (const player of grid.current?.querySelectorAll('video') ?? []) {
      player.currentTime = 0;
      player.muted = true;
      void player.play();
    }
  };
  return (
    <>
      <Head title="Side by side" note={prompts.size === 1 ? prompt : undefined}>
        <Button
          label="Play all"
          class="primary"
          disabled={videos.every(({ archive }) => archive?.url == null)}
          onClick={playAll}
        />
      </Head>
      {error !== null && <Trouble error={error} retry={reload} />}
      {data === undefined && error === null && ids.length > 0 && <Loading />}
      {ids.length === 0 && (
        <Empty title="Nothing to compare">
          <p>Choose some videos, or make several at once with seeds of their own.</p>
          <a class="button" href={href('/videos')}>
            Choose videos
          </a>
        </Empty>
      )}
      <ul class="compare" ref={grid}>
        {videos.map((video) => (
          <Compared key={video.id} video={video} hasPrompt={prompts.size > 1} />
        ))}
      </ul>
    </>
  );
}

function Compared({ video, hasPrompt }: { video: Video; hasPrompt: boolean }) {
  const { id, state, model, request, cost, submittedAt, endedAt } = video;
  const { seed } = request.extra;
  const name = seed === undefined ? model : `Seed ${seed}`;
  const tookMs = submittedAt === null || endedAt === null ? null : Date.parse(endedAt) - Date.parse(submittedAt);
  return (
    <li class="panel" data-row={id}>
      <Player video={video} />
      <div class="panel-head">
        <h2>
          <a href={href(`/videos/${id}`)}>{name}</a>
        </h2>
        <StateBadge state={state} />
      </div>
      {hasPrompt && <p class="clip-2">{request.prompt}</p>}
      <p class="soft small">
        {seed !== undefined && `${model}, `}
        <Money microUsd={cost.settledMicroUsd ?? cost.estimateMicroUsd} />
        {tookMs !== null && `, took ${duration(tookMs)}`}
      </p>
      <div class="actions">
        <Button label="Again" class="small" onClick={() => again(video)} />
        <a class="button small" href={href(`/new?from=${encodeURIComponent(id)}`)}>
          Again with changes
        </a>
      </div>
    </li>
  );
}
