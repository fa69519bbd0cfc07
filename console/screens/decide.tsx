/** What root decides of a video where nothing else does: whether a task was made, and what a held cost comes to. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Video } from '../answers.ts';
import { post } from '../api.ts';
import { remember } from '../live.ts';
import { attempt, Dialog } from '../notices.tsx';
import { Money, Panel } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { microUsdOf } from '../view/amount.ts';

/** Its bill is too far above its estimate to be settled by itself. */
export function isHeldForReview({ state, cost }: Video): boolean {
  return state === 'completed' && cost.settledMicroUsd === null;
}

interface DecideProps {
  readonly video: Video;
  readonly reload: () => void;
}

export function Decide({ video, reload }: DecideProps) {
  if (isHeldForReview(video)) return <Settle video={video} reload={reload} />;
  const isInDoubt = video.state === 'unconfirmed' || video.failure?.kind === 'answer_lost';
  return isInDoubt ? <Resolve video={video} reload={reload} /> : null;
}

function Resolve({ video: { id }, reload }: DecideProps) {
  return (
    <Panel title="Was a task made?">
      <ResolveForm id={id} onDone={reload} />
    </Panel>
  );
}

/** The same question, asked from elsewhere. */
export function ResolveDialog({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  return (
    <Dialog title="Was a task made?" onClose={onClose}>
      <ResolveForm id={id} onDone={onClose}>
        <Button label="Not now" onClick={onClose} />
      </ResolveForm>
    </Dialog>
  );
}

interface ResolveFormProps {
  readonly id: string;
  readonly onDone: () => void;
  readonly children?: ComponentChildren;
}

function ResolveForm({ id, onDone, children }: ResolveFormProps) {
  const [taskId, setTaskId] = useState('');
  const resolve = async (body: { readonly made: false } | { readonly made: true; readonly taskId: string }) => {
    await attempt('It is decided.', async () => {
      remember([await post<Video>(`videos/${encodeURIComponent(id)}/resolve`, body)]);
    });
    onDone();
  };
  return (
    <>
      <p class="soft">The answer to its create was lost. The upstream's own page may tell; nothing else does.</p>
      <Field label="Id of the task at the upstream" value={taskId} onText={(text) => setTaskId(text.trim())} />
      <div class="actions">
        <Button label="This one was made" disabled={taskId === ''} onClick={() => resolve({ made: true, taskId })} />
        <Button label="None was made" onClick={() => resolve({ made: false })} />
        {children}
      </div>
    </>
  );
}

function Settle({ video: { id, cost }, reload }: DecideProps) {
  const [amount, setAmount] = useState('');
  const settle = async () => {
    await attempt('It is settled.', async () => {
      const body = { amountMicroUsd: microUsdOf(amount) };
      remember([await post<Video>(`videos/${encodeURIComponent(id)}/settle`, body)]);
    });
    reload();
  };
  return (
    <Panel title="What does it cost?">
      <p class="soft">
        The upstream billed <Money microUsd={cost.upstreamMicroUsd} /> for an estimate of{' '}
        <Money microUsd={cost.estimateMicroUsd} />, so its hold stays until you say.
      </p>
      <div class="with-button">
        <input
          inputMode="decimal"
          aria-label="Dollars"
          placeholder="1.25"
          value={amount}
          onInput={({ currentTarget }) => setAmount(currentTarget.value)}
        />
        <Button label="Settle" class="primary" disabled={amount === ''} onClick={settle} />
      </div>
    </Panel>
  );
}
