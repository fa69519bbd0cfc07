/** Upstream accounts: their slots and who holds each, their health, and pausing them; root's. */

import type { Account, Page } from '../answers.ts';
import { ask, post } from '../api.ts';
import { useLoaded } from '../load.ts';
import { attempt } from '../notices.tsx';
import { Ago, Empty, Facts, Head, Loading, Money, Panel, Trouble } from '../parts/basics.tsx';
import { Slots } from '../parts/slots.tsx';

export function AccountsScreen() {
  const { data, error, reload } = useLoaded((signal) => ask<Page<Account>>('accounts', { signal }), [], 3000);
  return (
    <>
      <Head title="Accounts" note="Upstream credentials, and the tasks each has at this moment." />
      {error !== null && <Trouble error={error} retry={reload} />}
      {data === undefined && error === null && <Loading />}
      {data?.items.length === 0 && (
        <Empty title="No account is configured">
          <p>Accounts are written into clipyard.yaml; without it the sandbox is the upstream.</p>
        </Empty>
      )}
      <div class="grid">
        {data?.items.map((account) => (
          <AccountPanel key={account.id} account={account} reload={reload} />
        ))}
      </div>
    </>
  );
}

function AccountPanel({ account, reload }: { account: Account; reload: () => void }) {
  const { id, provider, state, reasons, limit, inUse, waiting, pausedUntil, lastError, orphans } = account;
  const change = async (what: 'pause' | 'resume', done: string) => {
    await attempt(done, () => post(`accounts/${encodeURIComponent(id)}/${what}`));
    reload();
  };
  return (
    <Panel title={id} aside={<span class={`badge state-${state}`}>{state}</span>}>
      <Slots account={account} />
      <Facts
        of={[
          ['Provider', provider],
          ['Slots', `${inUse} of ${limit} taken`],
          ['Waiting', `${waiting} could be made here`],
          ['Held back by', reasons.length === 0 ? null : reasons.join(', ')],
          ['Paused until', pausedUntil === null ? null : <Ago key="until" at={pausedUntil} />],
          ['Last error', lastError],
        ]}
      />
      {orphans.length > 0 && (
        <details>
          <summary>{orphans.length} tasks belong to no video</summary>
          <ul class="plain">
            {orphans.map(({ taskId, model, costMicroUsd, createdAt }) => (
              <li key={taskId}>
                <code>{taskId}</code> {model} <Money microUsd={costMicroUsd} /> <Ago at={createdAt} />
              </li>
            ))}
          </ul>
        </details>
      )}
      <div class="actions">
        {state === 'active' ? (
          <button type="button" onClick={() => void change('pause', `${id} takes no more videos.`)}>
            Pause
          </button>
        ) : (
          <button type="button" class="primary" onClick={() => void change('resume', `${id} takes videos again.`)}>
            Resume
          </button>
        )}
      </div>
    </Panel>
  );
}
