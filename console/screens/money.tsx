/** Money: what there is, what was spent on what and lost to whom, and every entry of the ledger. */

import { useCallback, useState } from 'preact/hooks';
import type { Balance, CostItem, Entry, Page } from '../answers.ts';
import { ask, queryOf } from '../api.ts';
import { slowly } from '../clock.ts';
import { useLoaded } from '../load.ts';
import { attempt } from '../notices.tsx';
import { Empty, Figure, Head, Loading, Money, Panel, Trouble } from '../parts/basics.tsx';
import { Columns, Lines } from '../parts/charts.tsx';
import { href } from '../router.ts';
import { isRoot } from '../session.ts';
import { csvOf } from '../view/csv.ts';
import { dateTime, dollars, shortId } from '../view/format.ts';
import { byDay } from '../view/series.ts';

const DAY_MS = 86_400_000;
const DAYS = 30;

export function MoneyScreen() {
  const balance = useLoaded((signal) => ask<Balance>('balance', { signal }));
  const from = new Date(Date.now() - DAYS * DAY_MS).toISOString().slice(0, 10);
  const costs = useLoaded((signal) =>
    ask<Page<CostItem>>(`costs${queryOf({ groupBy: 'day,model,account', from })}`, { signal }),
  );
  const error = balance.error ?? costs.error;
  return (
    <>
      <Head title="Money">
        <button
          type="button"
          disabled={costs.data === undefined}
          onClick={() => save('clipyard-costs.csv', csvOf(costs.data?.items ?? []))}
        >
          Costs as CSV
        </button>
        <button type="button" onClick={() => void saveLedger()}>
          Ledger as CSV
        </button>
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
      <Figure name="Spent" value={dollars(spentMicroUsd)} note="since the beginning" />
      {creditMicroUsd !== null && <Figure name="Credit" value={dollars(creditMicroUsd)} note="in all" />}
      {isRoot.value && (
        <Figure name="Lost" value={dollars(lost)} note={`billed, and paid by no caller, in ${DAYS} days`} />
      )}
    </div>
  );
}

function sumBy(items: readonly CostItem[], name: 'model' | 'account', of: 'settledMicroUsd' | 'lostMicroUsd') {
  const sums = new Map<string, number>();
  for (const item of items) {
    const label = item[name] ?? 'none';
    sums.set(label, (sums.get(label) ?? 0) + item[of]);
  }
  return [...sums]
    .map(([label, value]) => ({ label, value }))
    .filter(({ value }) => value !== 0)
    .toSorted((a, b) => b.value - a.value);
}

function Sums({ items }: { items: readonly CostItem[] }) {
  const models = sumBy(items, 'model', 'settledMicroUsd');
  const lost = sumBy(items, 'account', 'lostMicroUsd');
  return (
    <div class="grid sums">
      <Panel title="Spent, each day">
        <Columns bars={byDay(items, DAYS, slowly.value)} label="Spent, each day" print={dollars} />
      </Panel>
      <Panel title={`Models, ${DAYS} days`}>
        {models.length === 0 ? (
          <p class="soft">Nothing was spent.</p>
        ) : (
          <Lines bars={models.slice(0, 12)} print={dollars} />
        )}
      </Panel>
      {isRoot.value && (
        <Panel title="Lost, by account">
          {lost.length === 0 ? (
            <p class="soft">Nothing: what upstreams billed was settled.</p>
          ) : (
            <>
              <Lines bars={lost} print={dollars} />
              <p class="soft small">
                Paid for tasks whose clip never came, that belong to no video, or that ended after their time.
              </p>
            </>
          )}
        </Panel>
      )}
    </div>
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
  const [pages, setPages] = useState<readonly Entry[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const { data, error, reload } = useLoaded(async (signal) => {
    const page = await ask<Page<Entry>>(`ledger${queryOf({ limit: 50 })}`, { signal });
    setPages(page.items);
    setCursor(page.nextCursor);
    return page;
  });
  const more = useCallback(async () => {
    await attempt(null, async () => {
      const page = await ask<Page<Entry>>(`ledger${queryOf({ limit: 100, cursor })}`);
      setPages((before) => [...before, ...page.items]);
      setCursor(page.nextCursor);
    });
  }, [cursor]);
  if (error !== null) return <Trouble error={error} retry={reload} />;
  if (data === undefined) return <Loading />;
  if (pages.length === 0) {
    return (
      <Empty title="The ledger is empty">
        <p>Each video that is accepted holds its estimate here first.</p>
      </Empty>
    );
  }
  return (
    <Panel title="Ledger">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <div class="scroll" tabIndex={0} role="region" aria-label="Ledger">
        <table>
          <thead>
            <tr>
              <th>When</th>
              <th>What</th>
              <th>Video</th>
              <th class="end">Available changes by</th>
            </tr>
          </thead>
          <tbody>
            {pages.map(({ id, at, kind, videoId, amountMicroUsd }) => (
              <tr key={id}>
                <td class="soft number">{dateTime(at)}</td>
                <td>{KINDS[kind]}</td>
                <td>{videoId === null ? '–' : <a href={href(`/videos/${videoId}`)}>{shortId(videoId)}</a>}</td>
                <td class="end">
                  <Money microUsd={amountMicroUsd} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {cursor !== null && (
        <p class="actions center">
          <button type="button" onClick={() => void more()}>
            Show more
          </button>
        </p>
      )}
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
  await attempt('The ledger is saved.', async () => {
    const entries: Entry[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES; page++) {
      const answer: Page<Entry> = await ask(`ledger${queryOf({ limit: 200, cursor })}`);
      entries.push(...answer.items);
      cursor = answer.nextCursor;
      if (cursor === null) break;
    }
    save('clipyard-ledger.csv', csvOf(entries));
  });
}
