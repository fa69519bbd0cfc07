/** Money: what there is, what was spent on what and lost to whom, and every entry of the ledger. */

import type { Account, Balance, CostItem, Entry, Page, VideoPage } from '../answers.ts';
import { ask, queryOf, readPages } from '../api.ts';
import { readBalance } from '../balance.ts';
import { slowly } from '../clock.ts';
import { useLoaded, usePages } from '../load.ts';
import { attempt, say } from '../notices.tsx';
import { Empty, end, Figure, Head, Loading, Money, More, Panel, Table, Trouble } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { Columns, Lines } from '../parts/charts.tsx';
import { href } from '../router.ts';
import { isRoot } from '../session.ts';
import { csvOf } from '../view/csv.ts';
import { counted, dateTime, dollars, shortId } from '../view/format.ts';
import { byReason, lossesOf } from '../view/losses.ts';
import { byDay, dayAgo } from '../view/series.ts';

const DAYS = 30;

export function MoneyScreen() {
  const balance = useLoaded(readBalance);
  const from = dayAgo(DAYS - 1);
  const costs = useLoaded((signal) =>
    ask<Page<CostItem>>(`costs${queryOf({ groupBy: 'day,model,account', from })}`, { signal }),
  );
  const error = balance.error ?? costs.error;
  return (
    <>
      <Head title="Money">
        <Button
          label="Costs as CSV"
          disabled={costs.data === undefined}
          onClick={() => save('clipyard-costs.csv', csvOf(costs.data?.items ?? []))}
        />
        <Button label="Ledger as CSV" onClick={saveLedger} />
      </Head>
      {error !== null && <Trouble error={error} retry={costs.reload} />}
      {balance.data && <Balances balance={balance.data} costs={costs.data?.items ?? []} />}
      {costs.data === undefined && error === null && <Loading />}
      {costs.data && <Sums items={costs.data.items} />}
      <Ledger />
    </>
  );
}

function Balances({ balance, costs }: { balance: Balance; costs: readonly CostItem[] }) {
  const { creditMicroUsd, availableMicroUsd, heldMicroUsd, spentMicroUsd } = balance;
  const lost = costs.reduce((sum, { lostMicroUsd }) => sum + lostMicroUsd, 0);
  return (
    <div class="figures">
      {creditMicroUsd !== null && <Figure name="Available" value={dollars(availableMicroUsd)} />}
      <Figure name="Held" value={dollars(heldMicroUsd)} note="for what has not ended" />
      <Figure
        name="Spent"
        value={dollars(spentMicroUsd)}
        note={isRoot.value ? 'by all callers, since the beginning' : 'since the beginning'}
      />
      {creditMicroUsd !== null && <Figure name="Credit" value={dollars(creditMicroUsd)} note="in all" />}
      {isRoot.value && (
        <Figure name="Lost" value={dollars(lost)} note={`billed, and paid by no caller, in ${DAYS} days`} />
      )}
    </div>
  );
}

interface Sum {
  readonly label: string;
  readonly videos: number;
  readonly settledMicroUsd: number;
  readonly upstreamMicroUsd: number;
  readonly lostMicroUsd: number;
}

/** What cost the most first; what cost nothing is left out. */
function sumBy(items: readonly CostItem[], name: 'model' | 'account'): readonly Sum[] {
  const sums = new Map<string, Sum>();
  for (const item of items) {
    const label = item[name] ?? 'none';
    const { videos = 0, settledMicroUsd = 0, upstreamMicroUsd = 0, lostMicroUsd = 0 } = sums.get(label) ?? {};
    sums.set(label, {
      label,
      videos: videos + item.videos,
      settledMicroUsd: settledMicroUsd + item.settledMicroUsd,
      upstreamMicroUsd: upstreamMicroUsd + item.upstreamMicroUsd,
      lostMicroUsd: lostMicroUsd + item.lostMicroUsd,
    });
  }
  return [...sums.values()]
    .filter((sum) => sum.settledMicroUsd !== 0 || sum.upstreamMicroUsd !== 0 || sum.lostMicroUsd !== 0)
    .toSorted((a, b) => b.settledMicroUsd - a.settledMicroUsd);
}

function Sums({ items }: { items: readonly CostItem[] }) {
  const models = sumBy(items, 'model');
  const spent = models.filter(({ settledMicroUsd }) => settledMicroUsd !== 0);
  const bars = spent.slice(0, 12).map(({ label, settledMicroUsd: value }) => ({ label, value }));
  return (
    <div class="grid sums">
      <Panel title="Spent, each day" aside={<span class="soft small">days are those of UTC</span>}>
        <Columns bars={byDay(items, DAYS, slowly.value)} label="Spent, each day" print={dollars} hasTable />
      </Panel>
      <Panel title={`Models, ${DAYS} days`}>
        {models.length === 0 ? (
          <p class="soft">Nothing was spent.</p>
        ) : (
          <>
            <Lines bars={bars} print={dollars} />
            <ModelTable models={models} />
          </>
        )}
      </Panel>
      {isRoot.value && <Lost sums={sumBy(items, 'account').filter(({ lostMicroUsd }) => lostMicroUsd > 0)} />}
    </div>
  );
}

function ModelTable({ models }: { models: readonly Sum[] }) {
  return (
    <Table
      label="Models"
      columns={['Model', end('Videos'), end('Charged'), end('Billed'), ...(isRoot.value ? [end('Lost')] : [])]}
    >
      {models.map(({ label, videos, settledMicroUsd, upstreamMicroUsd, lostMicroUsd }) => (
        <tr key={label}>
          <th scope="row">{label}</th>
          <td class="end number">{videos}</td>
          <td class="end">
            <Money microUsd={settledMicroUsd} />
          </td>
          <td class="end">
            <Money microUsd={upstreamMicroUsd} />
          </td>
          {isRoot.value && (
            <td class="end">
              <Money microUsd={lostMicroUsd} />
            </td>
          )}
        </tr>
      ))}
    </Table>
  );
}

const LOSSES_SHOWN = 10;

/** How much was lost at which account, for which reasons, and with which videos and tasks. */
function Lost({ sums }: { sums: readonly Sum[] }) {
  const { data: losses, error } = useLoaded(async (signal) => {
    const state = 'failed,cancelled,expired';
    const [videos, accounts] = await Promise.all([
      ask<VideoPage>(`videos${queryOf({ state, limit: 200 })}`, { signal }),
      ask<Page<Account>>('accounts', { signal }),
    ]);
    return lossesOf(videos.items, accounts.items);
  });
  return (
    <Panel title="Lost, and why">
      {error !== null && <Trouble error={error} />}
      {sums.length === 0 && losses?.length === 0 ? (
        <p class="soft">Nothing: what upstreams billed was settled.</p>
      ) : (
        <>
          <Lines bars={sums.map(({ label, lostMicroUsd: value }) => ({ label, value }))} print={dollars} />
          {losses !== undefined && losses.length > 0 && (
            <>
              <h3>Of the newest that ended without a clip</h3>
              <ul class="entries">
                {byReason(losses).map(({ label, value }) => (
                  <li key={label}>
                    <span>{label}</span>
                    <Money microUsd={value} />
                  </li>
                ))}
              </ul>
              <details>
                <summary>The newest {Math.min(LOSSES_SHOWN, losses.length)}</summary>
                <ul class="entries">
                  {losses.slice(0, LOSSES_SHOWN).map(({ videoId, what, microUsd, at }) => (
                    <li key={`${videoId} ${what}`}>
                      <span class="clip">
                        {videoId === null ? what : <a href={href(`/videos/${videoId}`)}>{what}</a>}
                      </span>
                      <time class="soft small" dateTime={at}>
                        {dateTime(at)}
                      </time>
                      <Money microUsd={microUsd} />
                    </li>
                  ))}
                </ul>
              </details>
            </>
          )}
        </>
      )}
    </Panel>
  );
}

const KINDS: Readonly<Record<Entry['kind'], string>> = {
  credit: 'Credit',
  hold: 'Held',
  settle: 'Charged',
  release: 'Given back',
  refund: 'Refunded',
};

function Ledger() {
  const { data, error, reload, more } = usePages<Entry>('ledger', 100);
  if (error !== null) return <Trouble error={error} retry={reload} />;
  if (data === undefined) return <Loading />;
  if (data.items.length === 0) {
    return (
      <Empty title="The ledger is empty">
        <p>Each video that is accepted holds its estimate here first.</p>
      </Empty>
    );
  }
  return (
    <Panel title="Ledger" aside={<span class="soft small">times are those of your own zone</span>}>
      <Table label="Ledger" columns={['When', 'What', 'Video', end('Available changes by')]}>
        {data.items.map(({ id, at, kind, videoId, amountMicroUsd }) => (
          <tr key={id}>
            <td class="soft number when">{dateTime(at)}</td>
            <td>{KINDS[kind]}</td>
            <td>{videoId === null ? '–' : <a href={href(`/videos/${videoId}`)}>{shortId(videoId)}</a>}</td>
            <td class="end">
              <Money microUsd={amountMicroUsd} isSigned />
            </td>
          </tr>
        ))}
      </Table>
      <More more={more} />
    </Panel>
  );
}

function save(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Pages of it that are saved: 20,000 entries. */
const MOST_PAGES = 100;

async function saveLedger(): Promise<void> {
  await attempt(null, async () => {
    const { items, nextCursor } = await readPages<Entry>('ledger', { limit: 200, most: MOST_PAGES });
    save('clipyard-ledger.csv', csvOf(items));
    const what = nextCursor === null ? 'The ledger is' : `The newest ${counted(items.length, 'entry', 'entries')} are`;
    say(`${what} saved.`);
  });
}
