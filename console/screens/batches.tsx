/** Batches: a manifest dropped and looked at before anything is paid, and all batches with how far they are. */

import { useState } from 'preact/hooks';
import type { Batch, NewBatch } from '../answers.ts';
import { ask, Problem, queryOf, wordsOf } from '../api.ts';
import { usePages } from '../load.ts';
import { attempt } from '../notices.tsx';
import { Ago, Badge, Empty, end, Head, Loading, Money, More, Panel, Table, Trouble } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { DropZone } from '../parts/drop-zone.tsx';
import { go, href } from '../router.ts';
import { isRoot } from '../session.ts';
import { ago, counted, shortId } from '../view/format.ts';

export function BatchesScreen() {
  const { data, error, reload, more } = usePages<Batch>('batches', 50, 3000);
  return (
    <>
      <Head title="Batches" note="Many videos from one file, made while you sleep." />
      <NewManifest />
      {error !== null && <Trouble error={error} retry={reload} />}
      {data === undefined && error === null && <Loading />}
      {data?.items.length === 0 && (
        <Empty title="No batches yet">
          <p>
            Drop a manifest above: each of its lines becomes a video, and its price is shown before anything is made.
          </p>
        </Empty>
      )}
      {data !== undefined && data.items.length > 0 && (
        <Panel title="All batches" aside={isRoot.value ? <span class="soft small">of all callers</span> : undefined}>
          <Table label="Batches" columns={['Batch', 'State', 'Done', end('Failed'), end('Cost'), 'Made']}>
            {data.items.map((batch) => (
              <tr key={batch.id} data-row={batch.id}>
                <th scope="row">
                  <a href={href(`/batches/${batch.id}`)}>{batch.name ?? shortId(batch.id)}</a>
                </th>
                <td>
                  <Badge state={batch.state} />
                </td>
                <td>
                  <Done batch={batch} />
                </td>
                <td class="end number">{batch.counts.failed}</td>
                <td class="end">
                  <Money microUsd={batch.costMicroUsd} />
                </td>
                <td class="soft">
                  <Ago at={batch.createdAt} />
                </td>
              </tr>
            ))}
          </Table>
          <More more={more} />
        </Panel>
      )}
    </>
  );
}

function Done({ batch: { counts, total } }: { batch: Batch }) {
  const ended = counts.completed + counts.failed + counts.cancelled + counts.expired;
  return (
    <span class="done">
      <progress max={Math.max(1, total)} value={ended} aria-label={`${ended} of ${total}`} />
      <span class="number soft small">
        {ended} / {total}
      </span>
    </span>
  );
}

interface Checked {
  readonly file: File;
  readonly found: NewBatch | null;
  readonly problem: string | null;
}

/** As the gateway reads it by its type. */
const typeOf = (file: File) => (file.name.toLowerCase().endsWith('.csv') ? 'text/csv' : 'application/jsonl');

function NewManifest() {
  const [checked, setChecked] = useState<Checked | null>(null);
  const [skips, setSkips] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const send = (file: File, more: Readonly<Record<string, string>>) =>
    ask<NewBatch>(`batches${queryOf({ name: file.name.slice(0, 200), ...more })}`, {
      method: 'POST',
      body: file,
      contentType: typeOf(file),
    });
  const check = async (file: File | undefined) => {
    if (file === undefined) return;
    setBusy(true);
    setSkips(false);
    try {
      setChecked({ file, found: await send(file, { dryRun: 'true' }), problem: null });
    } catch (error) {
      const isRefused = error instanceof Problem && Array.isArray(error.body['invalid']);
      setChecked({ file, found: isRefused ? (error.body as unknown as NewBatch) : null, problem: wordsOf(error) });
    }
    setBusy(false);
  };
  const begin = async () => {
    if (checked === null || isBusy) return;
    setBusy(true);
    await attempt('The batch is accepted.', async () => {
      const { id } = await send(checked.file, skips ? { onInvalidLine: 'skip' } : {});
      setChecked(null);
      go(`/batches/${id}`);
    });
    setBusy(false);
  };
  return (
    <Panel title="New batch" class="new-batch">
      <DropZone label="Choose a manifest" accept=".jsonl,.ndjson,.csv" isMain onFiles={([file]) => void check(file)}>
        or drop it here: JSON lines, or a CSV with the columns <code>model</code>, <code>prompt</code>,{' '}
        <code>duration_seconds</code> …
      </DropZone>
      {checked !== null && (
        <Verdict
          checked={checked}
          skips={skips}
          onSkip={setSkips}
          onBegin={() => void begin()}
          onDrop={() => setChecked(null)}
        />
      )}
    </Panel>
  );
}

interface VerdictProps {
  readonly checked: Checked;
  readonly skips: boolean;
  readonly onSkip: (skips: boolean) => void;
  readonly onBegin: () => void;
  readonly onDrop: () => void;
}

const MOST_LINES = 50;

function Verdict({ checked: { file, found, problem }, skips, onSkip, onBegin, onDrop }: VerdictProps) {
  const invalid = found?.invalid ?? [];
  const total = found?.total ?? 0;
  return (
    <div class="stack" role="status">
      <p>
        <strong>{file.name}</strong>:{' '}
        {found === null ? (
          <span class="problem">{problem}</span>
        ) : (
          <>
            {counted(total, 'video')} for about <Money microUsd={found.estimateMicroUsd ?? 0} />
            {found.expectedEndAt == null ? '' : `, done ${ago(found.expectedEndAt, Date.now())} if it begins now`}.
            Nothing is made yet.
          </>
        )}
      </p>
      {invalid.length > 0 && (
        <div class="why failed">
          <p>{counted(invalid.length, 'line')} cannot become a video:</p>
          <ul class="plain">
            {invalid.slice(0, MOST_LINES).map(({ line, code, message }) => (
              <li key={`${line} ${code}`}>
                <strong class="number">Line {line}</strong>: {message} <code>{code}</code>
              </li>
            ))}
          </ul>
          {invalid.length > MOST_LINES && <p class="soft">and {invalid.length - MOST_LINES} more.</p>}
          <label class="check">
            <input type="checkbox" checked={skips} onChange={({ currentTarget }) => onSkip(currentTarget.checked)} />
            Leave these lines out
          </label>
        </div>
      )}
      <div class="actions">
        <Button
          label={`Make ${counted(total, 'video')}`}
          class="primary"
          disabled={total === 0 || (invalid.length > 0 && !skips)}
          onClick={onBegin}
        />
        <Button label="Not now" onClick={onDrop} />
      </div>
    </div>
  );
}
