/** Upstream accounts: their slots and who holds each, their health, pausing them, and creates in doubt; root's. */

import { useState } from 'preact/hooks';
import type { Account, Page } from '../answers.ts';
import { ask, post } from '../api.ts';
import { useLoaded } from '../load.ts';
import { attempt } from '../notices.tsx';
import { Ago, Badge, Empty, Facts, Head, Loading, Money, Panel, Trouble } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { Slots } from '../parts/slots.tsx';
import { href } from '../router.ts';
import { counted, shortId, spaced } from '../view/format.ts';
import { ResolveDialog } from './decide.tsx';

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

/** What follows a create whose answer was lost. */
const LOST_ANSWER_WORDS: Readonly<Record<NonNullable<Account['onLostAnswer']>, string>> = {
  adopt: "the task is found in the account's list",
  resend: 'the same create is sent again under its key',
  resubmit: 'another create is sent after a while',
  fail: 'the video fails after a while',
};

function AccountPanel({ account, reload }: { account: Account; reload: () => void }) {
  const { id, provider, api, onLostAnswer, state, reasons, limit, inUse, waiting, pausedUntil, lastError, orphans } =
    account;
  const change = async (what: 'pause' | 'resume', done: string) => {
    await attempt(done, () => post(`accounts/${encodeURIComponent(id)}/${what}`));
    reload();
  };
  return (
    <Panel title={id} aside={<Badge state={state} />}>
      <Slots account={account} />
      <Facts
        of={[
          ['Provider', api === null ? provider : `${api} (${provider})`],
          ['Slots', `${inUse} of ${limit} taken`],
          ['Waiting', `${waiting} could be made here`],
          ['Held back by', reasons.length === 0 ? null : reasons.map(spaced).join(', ')],
          ['Paused until', pausedUntil === null ? null : <Ago key="until" at={pausedUntil} />],
          ['Last error', lastError],
          ['On a lost answer', onLostAnswer === null ? null : LOST_ANSWER_WORDS[onLostAnswer]],
        ]}
      />
      <Doubts account={account} reload={reload} />
      {orphans.length > 0 && (
        <details>
          <summary>{counted(orphans.length, 'task belongs', 'tasks belong')} to no video</summary>
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
          <Button label="Pause" onClick={() => change('pause', `${id} takes no more videos.`)} />
        ) : (
          <Button label="Resume" class="primary" onClick={() => change('resume', `${id} takes videos again.`)} />
        )}
      </div>
    </Panel>
  );
}

/** Creates whose answers were lost: root says what became of them, where nothing else tells. */
function Doubts({ account: { slots }, reload }: { account: Account; reload: () => void }) {
  const [resolved, setResolved] = useState<string | null>(null);
  const doubts = slots.flatMap(({ state, videoId, since }) =>
    state === 'unconfirmed' && videoId !== null ? [{ videoId, since }] : [],
  );
  return (
    <>
      {doubts.length > 0 && (
        <div class="why failed">
          <p>The answer to a create was lost. Was a task made?</p>
          <ul class="plain">
            {doubts.map(({ videoId, since }) => (
              <li key={videoId} class="doubt">
                <a href={href(`/videos/${videoId}`)}>{shortId(videoId)}</a> <Ago at={since} />
                <Button label="Resolve" class="small" onClick={() => setResolved(videoId)} />
              </li>
            ))}
          </ul>
        </div>
      )}
      {resolved !== null && (
        <ResolveDialog
          id={resolved}
          onClose={() => {
            setResolved(null);
            reload();
          }}
        />
      )}
    </>
  );
}
