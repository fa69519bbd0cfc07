/** Everything at a glance: what is under way, what it costs, who holds which slot, and what went wrong. */

import { useMemo } from 'preact/hooks';
import type { Account, Caller, CostItem, Page, Video, VideoPage } from '../answers.ts';
import { ask, queryOf } from '../api.ts';
import { readBalance } from '../balance.ts';
import { eachSecond, slowly } from '../clock.ts';
import { isLive, known } from '../live.ts';
import { type Loaded, useLoaded } from '../load.ts';
import { Ago, Badge, Empty, Figure, Head, Loading, Money, Panel, StateBadge, Trouble } from '../parts/basics.tsx';
import { Columns, Lines } from '../parts/charts.tsx';
import { Slots } from '../parts/slots.tsx';
import { href } from '../router.ts';
import { isRoot } from '../session.ts';
import { isEnded } from '../view/filters.ts';
import { dollars, duration, spaced } from '../view/format.ts';
import { byDay, dayAgo, inStretches, medianOf, tally } from '../view/series.ts';

const EVERY_MS = 30_000;
const DAYS = 14;

/** The newest ended ones, to be counted by kind and by time. */
function useEnded(state: 'completed' | 'failed'): Loaded<VideoPage> {
  return useLoaded(
    (signal) => ask<VideoPage>(`videos${queryOf({ state, limit: 200 })}`, { signal }),
    [state],
    EVERY_MS,
  );
}

/** Videos that have not ended; undefined before the stream has told of them, since none is not the same as not known. */
function useOpen(): readonly Video[] | undefined {
  const isTold = isLive.value || known.value.size > 0;
  return useMemo(
    () => (isTold ? [...known.value.values()].filter((video) => !isEnded(video)) : undefined),
    [known.value, isTold],
  );
}

export function OverviewScreen() {
  const open = useOpen();
  const completed = useEnded('completed');
  const failed = useEnded('failed');
  const costs = useLoaded(
    (signal) => ask<Page<CostItem>>(`costs${queryOf({ groupBy: 'day', from: dayAgo(31) })}`, { signal }),
    [],
    EVERY_MS,
  );
  const error = completed.error ?? failed.error ?? costs.error;
  const isEmpty = open?.length === 0 && completed.data?.items.length === 0 && failed.data?.items.length === 0;
  return (
    <>
      <Head title="Overview">
        <a class="button primary" href={href('/new')}>
          New video
        </a>
      </Head>
      {error !== null && <Trouble error={error} retry={completed.reload} />}
      {isEmpty ? (
        <Empty title="Nothing has been made yet">
          <p>Here you will see what is under way, what it costs, and what went wrong.</p>
          <a class="button primary" href={href('/new')}>
            Make the first video
          </a>
        </Empty>
      ) : (
        <>
          <Figures open={open} costs={costs.data?.items} />
          <div class="grid">
            <UnderWay open={open} />
            {isRoot.value && <Accounts />}
            <Throughput videos={completed.data?.items} />
            <Spend costs={costs.data?.items} />
            <Failures videos={failed.data?.items} />
            {isRoot.value && <Waiting open={open} />}
          </div>
        </>
      )}
    </>
  );
}

const UNKNOWN = '–';

function Figures({ open, costs }: { open: readonly Video[] | undefined; costs: readonly CostItem[] | undefined }) {
  const { data: balance } = useLoaded(readBalance, [], EVERY_MS);
  const today = new Date(slowly.value).toISOString().slice(0, 10);
  const spent = (begin: string) =>
    costs === undefined
      ? UNKNOWN
      : dollars(
          costs
            .filter(({ day = '' }) => day.startsWith(begin))
            .reduce((sum, { settledMicroUsd }) => sum + settledMicroUsd, 0),
        );
  return (
    <div class="figures">
      <OpenFigures open={open} />
      <Figure name="Spent today" value={spent(today)} note="days are those of UTC" />
      <Figure name="Spent this month" value={spent(today.slice(0, 7))} />
      <Figure
        name={balance?.creditMicroUsd === null ? 'Held' : 'Available'}
        value={
          balance
            ? dollars(balance.creditMicroUsd === null ? balance.heldMicroUsd : balance.availableMicroUsd)
            : UNKNOWN
        }
        note={
          balance && (balance.creditMicroUsd === null ? 'no credit limit' : `${dollars(balance.heldMicroUsd)} held`)
        }
      />
    </div>
  );
}

function OpenFigures({ open }: { open: readonly Video[] | undefined }) {
  if (open === undefined)
    return ['In flight', 'Waiting'].map((name) => <Figure key={name} name={name} value={UNKNOWN} />);
  const waiting = open.filter(({ state }) => state === 'queued');
  const oldest = waiting.map(({ createdAt }) => createdAt).toSorted()[0];
  return (
    <>
      <Figure
        name="In flight"
        value={open.length - waiting.length}
        note={`${open.filter(({ state }) => state === 'generating').length} generating`}
      />
      <Figure
        name="Waiting"
        value={waiting.length}
        note={oldest === undefined ? 'none waits' : `the oldest for ${duration(eachSecond.value - Date.parse(oldest))}`}
      />
    </>
  );
}

const MOST_SHOWN = 8;

function UnderWay({ open }: { open: readonly Video[] | undefined }) {
  if (open === undefined) return <Loading rows={2} />;
  const shown = open
    .toSorted((a, b) => b.progress - a.progress || a.createdAt.localeCompare(b.createdAt))
    .slice(0, MOST_SHOWN);
  return (
    <Panel title="Under way" class="broad" aside={<a href={href('/videos?state=active')}>All {open.length}</a>}>
      {shown.length === 0 ? (
        <p class="soft">Nothing at this moment.</p>
      ) : (
        <ul class="under-way">
          {shown.map(({ id, request, state, progress, createdAt }) => (
            <li key={id} data-row={id}>
              <a class="clip" href={href(`/videos/${id}`)}>
                {request.prompt}
              </a>
              <StateBadge state={state} />
              <progress max={100} value={state === 'queued' ? 0 : progress} aria-label={`${progress} per cent`} />
              <span class="soft small number">
                <Ago at={createdAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Accounts() {
  const { data, error } = useLoaded((signal) => ask<Page<Account>>('accounts', { signal }), [], 5000);
  return (
    <Panel title="Accounts" aside={<a href={href('/accounts')}>More</a>}>
      {error !== null && <Trouble error={error} />}
      {data === undefined && error === null && <Loading rows={2} />}
      <ul class="accounts">
        {data?.items
          .filter(({ state }) => state !== 'removed')
          .map((account) => (
            <li key={account.id}>
              <div class="panel-head">
                <strong>{account.id}</strong>
                <Badge state={account.state} />
              </div>
              <Slots account={account} />
              <small class="soft">
                {account.inUse} of {account.limit} slots taken, {account.waiting} waiting
              </small>
            </li>
          ))}
      </ul>
    </Panel>
  );
}

const STRETCHES = { count: 24, eachMs: 5 * 60_000 };

/** How many clips were completed, and how long after the upstream was done with them. */
function Throughput({ videos }: { videos: readonly Video[] | undefined }) {
  if (videos === undefined) return <Loading rows={2} />;
  const nowMs = slowly.value;
  const ends = videos.flatMap(({ generatedAt, endedAt }) => {
    if (endedAt === null) return [];
    const atMs = Date.parse(endedAt);
    return [{ atMs, lagMs: generatedAt === null ? 0 : atMs - Date.parse(generatedAt) }];
  });
  const stretches = inStretches(ends, { ...STRETCHES, nowMs }).map((items, index) => ({
    label: new Date(nowMs - (STRETCHES.count - index) * STRETCHES.eachMs).toLocaleTimeString(undefined, {
      timeStyle: 'short',
    }),
    items,
  }));
  const counts = stretches.map(({ label, items }) => ({ label, value: items.length }));
  const lags = stretches.map(({ label, items }) => ({ label, value: medianOf(items.map(({ lagMs }) => lagMs)) ?? 0 }));
  return (
    <>
      <Panel title="Completed, each five minutes">
        <Columns bars={counts} label="Completed videos, each five minutes" print={(value) => `${value}`} />
      </Panel>
      <Panel title="From generated to archived" aside={<span class="soft small">median</span>}>
        <Columns bars={lags} label="From generated to archived, median" print={duration} />
      </Panel>
    </>
  );
}

function Spend({ costs }: { costs: readonly CostItem[] | undefined }) {
  if (costs === undefined) return <Loading rows={2} />;
  return (
    <Panel title="Spent, each day" aside={<a href={href('/money')}>Money</a>}>
      <Columns bars={byDay(costs, DAYS, slowly.value)} label="Spent, each day" print={dollars} />
    </Panel>
  );
}

function Failures({ videos }: { videos: readonly Video[] | undefined }) {
  if (videos === undefined) return <Loading rows={2} />;
  const kinds = tally(videos.flatMap(({ failure }) => (failure === null ? [] : [spaced(failure.kind)])));
  return (
    <Panel title="Failures by kind" aside={<a href={href('/videos?state=failed')}>All failed</a>}>
      {kinds.length === 0 ? (
        <p class="soft">None.</p>
      ) : (
        <Lines bars={kinds} print={(value) => (value === 200 ? '200 or more' : `${value}`)} />
      )}
    </Panel>
  );
}

function Waiting({ open }: { open: readonly Video[] | undefined }) {
  const { data: callers } = useLoaded((signal) => ask<Page<Caller>>('callers', { signal }));
  if (open === undefined) return <Loading rows={2} />;
  const waiting = open.filter(({ state }) => state === 'queued');
  const held = waiting.reduce((sum, { cost }) => sum + cost.estimateMicroUsd, 0);
  const bars = tally(waiting.map(({ caller }) => caller)).map(({ label, value }) => ({
    label: callers?.items.find(({ id }) => id === label)?.name ?? label,
    value,
    href: href(`/videos?state=active&caller=${encodeURIComponent(label)}`),
  }));
  return (
    <Panel
      title="Waiting by caller"
      aside={
        <span class="soft small">
          <Money microUsd={held} /> held
        </span>
      }
    >
      {bars.length === 0 ? <p class="soft">None waits.</p> : <Lines bars={bars} print={(value) => `${value}`} />}
    </Panel>
  );
}
