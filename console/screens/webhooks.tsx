/** Webhooks: the endpoints that are told of ends, what was told to each, and telling it again. */

import { useState } from 'preact/hooks';
import type { Delivery, Endpoint, NewEndpoint, Page } from '../answers.ts';
import { ask, post } from '../api.ts';
import { useLoaded, usePages } from '../load.ts';
import { attempt, confirm, Dialog, FormEnd } from '../notices.tsx';
import { Ago, Badge, Empty, end, Facts, Head, Loading, More, Panel, Table, Trouble, unseen } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { DeliveryDialog } from '../parts/delivery.tsx';
import { Field } from '../parts/field.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { go, href } from '../router.ts';
import { shortId } from '../view/format.ts';

const EVENTS = ['completed', 'failed', 'cancelled', 'expired'].flatMap((end) => [`video.${end}`, `batch.${end}`]);

function healthOf({ disabledAt, failingSince, lastSuccessAt }: Endpoint): {
  readonly word: string;
  readonly look: string;
} {
  if (disabledAt !== null) return { word: 'off', look: 'failed' };
  if (failingSince !== null) return { word: 'failing', look: 'waiting' };
  return lastSuccessAt === null ? { word: 'not used yet', look: 'queued' } : { word: 'works', look: 'completed' };
}

function Health({ endpoint }: { endpoint: Endpoint }) {
  const { word, look } = healthOf(endpoint);
  return <Badge state={word} look={look} />;
}

export function WebhooksScreen() {
  const { data, error, reload } = useLoaded(
    (signal) => ask<Page<Endpoint>>('webhook-endpoints', { signal }),
    [],
    10_000,
  );
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<NewEndpoint | null>(null);
  return (
    <>
      <Head title="Webhooks" note="URLs of yours that get a signed call when a video or a batch ends.">
        <Button label="New endpoint" class="primary" onClick={() => setMaking(true)} />
      </Head>
      {error !== null && <Trouble error={error} retry={reload} />}
      {data === undefined && error === null && <Loading rows={3} />}
      {data?.items.length === 0 && (
        <Empty title="No endpoint yet">
          <p>
            Make one, or send <code>callback_url</code> with a create. <code>npx clipyard listen --forward-to URL</code>{' '}
            tells a program on your own machine.
          </p>
        </Empty>
      )}
      <div class="grid">
        {data?.items.map((endpoint) => (
          <Panel key={endpoint.id} title={endpoint.description ?? 'Endpoint'} aside={<Health endpoint={endpoint} />}>
            <a class="clip" href={href(`/webhooks/${endpoint.id}`)} data-row={endpoint.id}>
              {endpoint.url}
            </a>
            <p class="soft small">
              {endpoint.events.length === EVENTS.length ? 'all events' : endpoint.events.join(', ')}
              {endpoint.lastSuccessAt !== null && (
                <>
                  , told <Ago at={endpoint.lastSuccessAt} />
                </>
              )}
            </p>
          </Panel>
        ))}
      </div>
      {isMaking && (
        <NewEndpointDialog
          onClose={() => setMaking(false)}
          onMade={(endpoint) => {
            setMaking(false);
            setMade(endpoint);
            reload();
          }}
        />
      )}
      {made !== null && <Secret endpoint={made} onClose={() => setMade(null)} />}
    </>
  );
}

function Secret({ endpoint: { url, secret }, onClose }: { endpoint: NewEndpoint; onClose: () => void }) {
  const note = 'It signs what is sent, and is shown this once.';
  return <ShownOnce title="Its secret" note={note} secrets={{ [url]: secret }} onClose={onClose} />;
}

function NewEndpointDialog({ onClose, onMade }: { onClose: () => void; onMade: (endpoint: NewEndpoint) => void }) {
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [events, setEvents] = useState<readonly string[]>(EVENTS);
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(null, async () =>
      onMade(await post<NewEndpoint>('webhook-endpoints', { url, events, ...(description && { description }) })),
    );
  };
  return (
    <Dialog title="New endpoint" onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label="URL" type="url" required placeholder="https://studio.example/hook" value={url} onText={setUrl} />
        <Field label="What it is for" maxLength={200} value={description} onText={setDescription} />
        <fieldset>
          <legend>Events</legend>
          <div class="checks">
            {EVENTS.map((name) => (
              <label key={name} class="check">
                <input
                  type="checkbox"
                  checked={events.includes(name)}
                  onChange={({ currentTarget }) =>
                    setEvents(currentTarget.checked ? [...events, name] : events.filter((each) => each !== name))
                  }
                />
                {name}
              </label>
            ))}
          </div>
        </fieldset>
        <FormEnd onClose={onClose} yes="Make the endpoint" disabled={events.length === 0} />
      </form>
    </Dialog>
  );
}

export function WebhookScreen({ id }: { readonly id: string }) {
  const path = `webhook-endpoints/${encodeURIComponent(id)}`;
  const { data: endpoint, error, reload } = useLoaded((signal) => ask<Endpoint>(path, { signal }), [id], 5000);
  const [rotated, setRotated] = useState<NewEndpoint | null>(null);
  if (error !== null) return <Trouble error={error} retry={reload} />;
  if (endpoint === undefined) return <Loading />;
  const remove = async () => {
    const isMeant = await confirm({
      title: 'Delete this endpoint?',
      body: 'What still waits to be told to it is not sent any more.',
      yes: 'Delete',
      isDangerous: true,
    });
    if (isMeant && (await attempt('It is deleted.', () => ask(path, { method: 'DELETE' })))) go('/webhooks');
  };
  const enable = async (enabled: boolean) => {
    await attempt(enabled ? 'It is told again.' : 'It is turned off.', () =>
      ask(path, { method: 'PATCH', body: { enabled } }),
    );
    reload();
  };
  return (
    <>
      <p class="crumbs">
        <a href={href('/webhooks')}>Webhooks</a> <span aria-hidden="true">/</span> {shortId(id)}
      </p>
      <Head title={endpoint.url} note={<Health endpoint={endpoint} />}>
        <Button
          label="Send a test"
          onClick={() => attempt('A test is on its way.', () => post(`${path}/test`)).then(reload)}
        />
        <Button
          label="New secret"
          onClick={() => attempt(null, async () => setRotated(await post<NewEndpoint>(`${path}/rotate`)))}
        />
        {endpoint.disabledAt === null ? (
          <Button label="Turn off" onClick={() => enable(false)} />
        ) : (
          <Button label="Turn on" class="primary" onClick={() => enable(true)} />
        )}
        <Button label="Delete" class="danger" onClick={remove} />
      </Head>
      <div class="stack">
        <Panel title="Endpoint">
          <Facts
            of={[
              ['For', endpoint.description],
              ['Events', endpoint.events.join(', ')],
              ['Secret', endpoint.secretHint],
              [
                'Last success',
                endpoint.lastSuccessAt === null ? 'none yet' : <Ago key="s" at={endpoint.lastSuccessAt} />,
              ],
              ['Failing since', endpoint.failingSince === null ? null : <Ago key="f" at={endpoint.failingSince} />],
              ['Failures in a row', endpoint.failures === 0 ? null : endpoint.failures],
              ['Turned off', endpoint.disabledReason],
            ]}
          />
        </Panel>
        <Deliveries path={path} />
      </div>
      {rotated !== null && <Secret endpoint={rotated} onClose={() => setRotated(null)} />}
    </>
  );
}

function Deliveries({ path }: { path: string }) {
  const { data, error, reload, more } = usePages<Delivery>(`${path}/deliveries`, 100, 3000);
  const [shown, setShown] = useState<string | null>(null);
  const replay = (id: string) =>
    attempt('It is sent again.', () => post(`deliveries/${encodeURIComponent(id)}/replay`)).then(reload);
  const replayFailed = async () => {
    const failed = data?.items.filter(({ state }) => state === 'failed' || state === 'stopped') ?? [];
    const isMeant = await confirm({ title: `Send ${failed.length} again?`, yes: `Send ${failed.length}` });
    if (!isMeant) return;
    await attempt('They are sent again.', () =>
      Promise.all(failed.map(({ id }) => post(`deliveries/${encodeURIComponent(id)}/replay`))),
    );
    reload();
  };
  if (error !== null) return <Trouble error={error} retry={reload} />;
  if (data === undefined) return <Loading rows={3} />;
  const hasFailed = data.items.some(({ state }) => state === 'failed' || state === 'stopped');
  return (
    <Panel
      title="Deliveries"
      aside={hasFailed ? <Button label="Send failed ones again" class="small" onClick={replayFailed} /> : undefined}
    >
      {data.items.length === 0 ? (
        <p class="soft">Nothing was to be told yet. A test shows whether it is heard.</p>
      ) : (
        <>
          <Table
            label="Deliveries"
            columns={['State', 'Event', 'Answer', end('Attempts'), 'Made', 'Next', unseen('Actions')]}
          >
            {data.items.map((delivery) => (
              <tr key={delivery.id}>
                <td>
                  <Badge state={delivery.state} />
                </td>
                <td>
                  {delivery.type}
                  {delivery.test && <span class="soft"> (test)</span>}
                </td>
                <td class="soft words">{delivery.lastError ?? delivery.lastStatus ?? '–'}</td>
                <td class="end number">{delivery.attempts}</td>
                <td class="soft">
                  <Ago at={delivery.createdAt} />
                </td>
                <td class="soft">{delivery.nextAttemptAt === null ? '–' : <Ago at={delivery.nextAttemptAt} />}</td>
                <td class="end">
                  <div class="actions end">
                    <Button label="Show" class="small" onClick={() => setShown(delivery.id)} />
                    <Button label="Send again" class="small" onClick={() => replay(delivery.id)} />
                  </div>
                </td>
              </tr>
            ))}
          </Table>
          <More more={more} />
        </>
      )}
      {shown !== null && <DeliveryDialog id={shown} onClose={() => setShown(null)} />}
    </Panel>
  );
}
