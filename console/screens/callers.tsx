/** Callers: their credit and limits, new ones with their keys, turning keys off; root's. */

import { useState } from 'preact/hooks';
import type { Caller, NewCaller, Page } from '../answers.ts';
import { ask, post } from '../api.ts';
import { useLoaded } from '../load.ts';
import { attempt, Dialog, FormEnd } from '../notices.tsx';
import { Ago, Badge, end, Head, Loading, Money, Panel, Table, Trouble, unseen } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { href } from '../router.ts';
import { microUsdOf } from '../view/amount.ts';
import { counted } from '../view/format.ts';

export function CallersScreen() {
  const { data, error, reload } = useLoaded((signal) => ask<Page<Caller>>('callers', { signal }));
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<NewCaller | null>(null);
  const [credited, setCredited] = useState<Caller | null>(null);
  return (
    <>
      <Head title="Callers" note="Who may use this gateway, with how much.">
        <Button label="New caller" class="primary" onClick={() => setMaking(true)} />
      </Head>
      {error !== null && <Trouble error={error} retry={reload} />}
      {data === undefined && error === null && <Loading />}
      {data && <CallerTable callers={data.items} reload={reload} onCredit={setCredited} />}
      {isMaking && (
        <NewCallerDialog
          onClose={() => setMaking(false)}
          onMade={(caller) => {
            setMaking(false);
            setMade(caller);
            reload();
          }}
        />
      )}
      {made !== null && (
        <ShownOnce
          title={`The keys of ${made.name}`}
          note="They are shown this once: of the key only its hash is kept."
          secrets={{ 'API key': made.key, 'Callback secret': made.callbackSecret }}
          onClose={() => setMade(null)}
        />
      )}
      {credited !== null && (
        <CreditDialog
          caller={credited}
          onClose={() => {
            setCredited(null);
            reload();
          }}
        />
      )}
    </>
  );
}

interface CallerTableProps {
  readonly callers: readonly Caller[];
  readonly reload: () => void;
  readonly onCredit: (caller: Caller) => void;
}

function CallerTable({ callers, reload, onCredit }: CallerTableProps) {
  const turn = async ({ id, name, disabledAt }: Caller) => {
    const disabled = disabledAt === null;
    const done = disabled ? `The key of ${name} is turned off.` : `The key of ${name} works again.`;
    await attempt(done, () => ask(`callers/${encodeURIComponent(id)}`, { method: 'PATCH', body: { disabled } }));
    reload();
  };
  return (
    <Panel title={counted(callers.length, 'caller')}>
      <Table
        label="Callers"
        columns={[
          'Name',
          end('Available'),
          end('Held'),
          end('Spent'),
          end('Weight'),
          'Models',
          'Since',
          unseen('Actions'),
        ]}
      >
        {callers.map((caller) => (
          <tr key={caller.id} data-row={caller.id}>
            <th scope="row">
              <a href={href(`/videos?caller=${encodeURIComponent(caller.id)}`)}>{caller.name}</a>
              {caller.disabledAt !== null && (
                <>
                  {' '}
                  <Badge state="off" look="failed" />
                </>
              )}
            </th>
            <td class="end">
              {caller.creditMicroUsd === null ? (
                <span class="soft">no limit</span>
              ) : (
                <Money microUsd={caller.availableMicroUsd} />
              )}
            </td>
            <td class="end">
              <Money microUsd={caller.heldMicroUsd} />
            </td>
            <td class="end">
              <Money microUsd={caller.spentMicroUsd} />
            </td>
            <td class="end number">{caller.weight}</td>
            <td>{caller.models === null ? <span class="soft">all</span> : caller.models.join(', ')}</td>
            <td class="soft">
              <Ago at={caller.createdAt} />
            </td>
            <td>
              {!caller.isRoot && (
                <div class="actions end">
                  <Button label="Credit" class="small" onClick={() => onCredit(caller)} />
                  <Button
                    label={caller.disabledAt === null ? 'Turn off' : 'Turn on'}
                    class="small"
                    onClick={() => turn(caller)}
                  />
                </div>
              )}
            </td>
          </tr>
        ))}
      </Table>
    </Panel>
  );
}

function NewCallerDialog({ onClose, onMade }: { onClose: () => void; onMade: (caller: NewCaller) => void }) {
  const [name, setName] = useState('');
  const [credit, setCredit] = useState('');
  const [weight, setWeight] = useState('1');
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(null, async () => {
      const creditMicroUsd = credit === '' ? null : microUsdOf(credit);
      onMade(await post<NewCaller>('callers', { name, creditMicroUsd, weight: Number(weight) }));
    });
  };
  return (
    <Dialog title="New caller" onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label="Name" required maxLength={200} value={name} onText={setName} />
        <div class="fields">
          <Field
            label="Credit in dollars"
            inputMode="decimal"
            placeholder="no limit"
            value={credit}
            onText={setCredit}
          />
          <Field
            label="Weight in the queue"
            type="number"
            min={0.001}
            max={1000}
            step="any"
            value={weight}
            onText={setWeight}
          />
        </div>
        <FormEnd onClose={onClose} yes="Make the caller" />
      </form>
    </Dialog>
  );
}

function CreditDialog({ caller, onClose }: { caller: Caller; onClose: () => void }) {
  const [amount, setAmount] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(`${caller.name} has more credit.`, () =>
      post(`callers/${encodeURIComponent(caller.id)}/credit`, { amountMicroUsd: microUsdOf(amount) }),
    ).then((isDone) => isDone && onClose());
  };
  return (
    <Dialog title={`More credit for ${caller.name}`} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label="Dollars" required inputMode="decimal" placeholder="25.00" value={amount} onText={setAmount} />
        <FormEnd onClose={onClose} yes="Add" />
      </form>
    </Dialog>
  );
}
