/** All videos as a table or as a gallery: filtered and searched by the address, live, many acted upon at once. */

import { useCallback, useState } from 'preact/hooks';
import type { Caller, Model, Page, Video } from '../answers.ts';
import { ask } from '../api.ts';
import { ACTIONS, type Action, act, download } from '../bulk.ts';
import { focusContent } from '../focus.ts';
import { useLoaded } from '../load.ts';
import { Ago, Empty, Head, Loading, Money, More, StateBadge, Trouble } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { Picture } from '../parts/picture.tsx';
import { Rows } from '../parts/rows.tsx';
import { choose, href, query } from '../router.ts';
import { isRoot } from '../session.ts';
import { useKept } from '../steps.ts';
import { useVideoList, type VideoList } from '../video-list.ts';
import { MOST_AT_ONCE } from '../view/draft.ts';
import { type Filter, filterOf, isEnded, TABS, type Tab } from '../view/filters.ts';
import { counted, duration } from '../view/format.ts';
import { whyOf } from '../view/words.ts';
import { comparison } from './compare.tsx';

type View = 'table' | 'gallery';

interface Choice {
  readonly chosen: ReadonlySet<string>;
  toggle(id: string): void;
}

export function VideosScreen() {
  const filter = filterOf(query.value);
  const view: View = query.value.get('view') === 'gallery' ? 'gallery' : 'table';
  const list = useVideoList(filter);
  const kept = useKept<ReadonlySet<string>>('chosen');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(kept.current ?? new Set());
  kept.current = chosen;
  const toggle = useCallback((id: string) => {
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const choice = { chosen, toggle };
  const isFiltered = filter.tab !== 'all' || filter.text !== '' || filter.model !== null || filter.batchId !== null;
  return (
    <>
      <Head title="Videos">
        <a class="button primary" href={href('/new')}>
          New video
        </a>
      </Head>
      <Filters filter={filter} view={view} list={list} />
      {list.error !== null && <Trouble error={list.error} retry={list.reload} />}
      {list.freshCount > 0 && (
        <Button
          label={counted(list.freshCount, 'new video')}
          class="fresh"
          onClick={() => {
            list.showFresh();
            scrollTo({ top: 0 });
          }}
        />
      )}
      {list.isLoading ? (
        <Loading />
      ) : list.videos.length === 0 ? (
        list.error === null && <None isFiltered={isFiltered} list={list} />
      ) : view === 'gallery' ? (
        <Gallery list={list} choice={choice} />
      ) : (
        <Table list={list} choice={choice} />
      )}
      <Bulk list={list} choice={choice} clear={() => setChosen(new Set())} all={(ids) => setChosen(new Set(ids))} />
    </>
  );
}

/** How many are there; nothing where they could not be read. */
function countOf({ videos, isLoading, hasMore, error }: VideoList): string | null {
  if (isLoading) return 'Loading…';
  if (error !== null && videos.length === 0) return null;
  return `${counted(videos.length, 'video')}${hasMore ? ', more below' : ''}`;
}

function Filters({ filter, view, list }: { filter: Filter; view: View; list: VideoList }) {
  const { data: models } = useLoaded((signal) => ask<Page<Model>>('models', { signal }));
  const { data: callers } = useLoaded(async (signal) =>
    isRoot.value ? await ask<Page<Caller>>('callers', { signal }) : null,
  );
  return (
    <div class="filters">
      <div class="tabs" role="group" aria-label="State">
        {(Object.keys(TABS) as Tab[]).map((tab) => (
          <Button
            key={tab}
            label={TABS[tab].title}
            aria-pressed={filter.tab === tab}
            onClick={() => choose({ state: tab === 'all' ? null : tab })}
          />
        ))}
      </div>
      <div class="filter-fields">
        <input
          type="search"
          data-search
          aria-label="Search prompts and ids"
          placeholder="Search  /"
          value={filter.text}
          onInput={({ currentTarget }) => choose({ q: currentTarget.value })}
          onKeyDown={({ key }) => key === 'Escape' && focusContent()}
        />
        <Choose
          label="Model"
          value={filter.model}
          options={models?.items.map(({ id }) => [id, id]) ?? []}
          onChoose={(model) => choose({ model })}
        />
        {isRoot.value && (
          <Choose
            label="Caller"
            value={filter.caller}
            options={callers?.items.map(({ id, name }) => [id, name]) ?? []}
            onChoose={(caller) => choose({ caller })}
          />
        )}
        {filter.batchId !== null && (
          <Button label={`Batch …${filter.batchId.slice(-6)} ✕`} class="chip" onClick={() => choose({ batch: null })} />
        )}
        <div class="tabs view" role="group" aria-label="View">
          <Button label="Table" aria-pressed={view === 'table'} onClick={() => choose({ view: null })} />
          <Button label="Gallery" aria-pressed={view === 'gallery'} onClick={() => choose({ view: 'gallery' })} />
        </div>
      </div>
      <p class="soft small count" role="status">
        {countOf(list)}
      </p>
    </div>
  );
}

function Choose({
  label,
  value,
  options,
  onChoose,
}: {
  label: string;
  value: string | null;
  options: readonly (readonly [string, string])[];
  onChoose: (value: string | null) => void;
}) {
  const isKnown = value === null || options.some(([id]) => id === value);
  return (
    <select
      aria-label={label}
      value={value ?? ''}
      onChange={({ currentTarget }) => onChoose(currentTarget.value || null)}
    >
      <option value="">Any {label.toLowerCase()}</option>
      {!isKnown && <option value={value}>{value}</option>}
      {options.map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

function None({ isFiltered, list }: { isFiltered: boolean; list: VideoList }) {
  if (isFiltered) {
    return (
      <Empty title="No video fits">
        <p>{list.read > 0 ? `${counted(list.read, 'video')} looked through.` : 'Try another state, or all.'}</p>
        <a class="button" href={href('/videos')}>
          Show all videos
        </a>
      </Empty>
    );
  }
  return (
    <Empty title="No videos yet">
      <p>Say what you would like to see, choose a model, and the price is shown before anything is made.</p>
      <a class="button primary" href={href('/new')}>
        Make the first video
      </a>
    </Empty>
  );
}

function Table({ list, choice }: { list: VideoList; choice: Choice }) {
  const row = (video: Video) => <Row video={video} choice={choice} />;
  return (
    <Rows
      class="videos"
      label="Videos"
      columns={['', 'Video', 'State', 'Model', 'Cost', 'Made']}
      items={list.videos}
      keyOf={({ id }) => id}
      row={row}
      onEnd={list.more}
    />
  );
}

/** Settled where it is; else what is held for it. */
function CostOf({ video: { cost, state } }: { video: Video }) {
  if (cost.settledMicroUsd !== null) return <Money microUsd={cost.settledMicroUsd} />;
  if (state === 'failed' || state === 'expired' || state === 'cancelled') return <Money microUsd={null} />;
  return (
    <span class="soft" title="Estimate">
      ~<Money microUsd={cost.estimateMicroUsd} />
    </span>
  );
}

function Row({ video, choice }: { video: Video; choice: Choice }) {
  const { id, request, model, state, progress, createdAt } = video;
  const why = isEnded(video) && state !== 'failed' ? null : whyOf(video);
  return (
    <>
      <div role="cell" class="cell cell-0">
        <input
          type="checkbox"
          aria-label={`Choose ${request.prompt.slice(0, 60)}`}
          checked={choice.chosen.has(id)}
          onChange={() => choice.toggle(id)}
        />
      </div>
      <div role="cell" class="cell cell-1">
        <Picture video={video} />
        <div class="row-title">
          <a href={href(`/videos/${id}`)}>{request.prompt}</a>
          <small class="soft">
            {duration(request.durationSeconds * 1000)}
            {request.aspectRatio !== null && ` · ${request.aspectRatio}`}
            {why !== null && ` · ${why}`}
          </small>
        </div>
      </div>
      <div role="cell" class="cell cell-2">
        <StateBadge state={state} />
        {state === 'generating' && <span class="number soft small">{progress} %</span>}
      </div>
      <div role="cell" class="cell cell-3 clip">
        {model}
      </div>
      <div role="cell" class="cell cell-4 end">
        <CostOf video={video} />
      </div>
      <div role="cell" class="cell cell-5 end soft">
        <Ago at={createdAt} />
      </div>
    </>
  );
}

/** Cards that are laid out together: whole lines in two to six columns. What is far from the screen is left out. */
const PART = 60;

function Gallery({ list, choice }: { list: VideoList; choice: Choice }) {
  return (
    <>
      <div class="galleries">
        {Array.from({ length: Math.ceil(list.videos.length / PART) }, (_, part) => (
          <ul key={part} class="gallery">
            {list.videos.slice(part * PART, (part + 1) * PART).map((video) => (
              <Card key={video.id} video={video} choice={choice} />
            ))}
          </ul>
        ))}
      </div>
      <More more={list.hasMore ? list.more : null} />
    </>
  );
}

function Card({ video, choice }: { video: Video; choice: Choice }) {
  const { id, request, state, model } = video;
  return (
    <li class="card" data-row={id}>
      <Picture video={video} moves />
      <input
        type="checkbox"
        aria-label={`Choose ${request.prompt.slice(0, 60)}`}
        checked={choice.chosen.has(id)}
        onChange={() => choice.toggle(id)}
      />
      <a class="clip-2" href={href(`/videos/${id}`)}>
        {request.prompt}
      </a>
      <p class="soft small">
        <StateBadge state={state} /> <span class="clip">{model}</span> <CostOf video={video} />
      </p>
    </li>
  );
}

interface BulkProps {
  readonly list: VideoList;
  readonly choice: Choice;
  readonly clear: () => void;
  readonly all: (ids: readonly string[]) => void;
}

function Bulk({ list, choice, clear, all }: BulkProps) {
  const videos = list.videos.filter(({ id }) => choice.chosen.has(id));
  if (videos.length === 0) return null;
  const clips = videos.filter(({ archive }) => archive?.url != null);
  const run = async (action: Action) => {
    if (!(await act(action, videos))) return;
    clear();
    if (action === 'delete') list.reload();
  };
  return (
    <div class="bulk" role="region" aria-label="Chosen videos">
      <strong class="number">{videos.length} chosen</strong>
      <Button label={`All ${list.videos.length}`} class="quiet" onClick={() => all(list.videos.map(({ id }) => id))} />
      {(Object.keys(ACTIONS) as Action[]).map((action) => {
        const count = videos.filter(ACTIONS[action].applies).length;
        return (
          <Button
            key={action}
            label={`${ACTIONS[action].title} ${count}`}
            disabled={count === 0}
            onClick={() => run(action)}
          />
        );
      })}
      {videos.length > 1 && videos.length <= MOST_AT_ONCE && (
        <a class="button" href={href(comparison(videos.map(({ id }) => id)))}>
          Side by side
        </a>
      )}
      <Button label={`Download ${clips.length}`} disabled={clips.length === 0} onClick={() => download(clips)} />
      <Button label="None" class="quiet" onClick={clear} />
    </div>
  );
}
