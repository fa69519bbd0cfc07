/** A delivery in full: what is sent, and what was answered to each attempt. */

import type { DeliveryLog } from '../answers.ts';
import { ask } from '../api.ts';
import { useLoaded } from '../load.ts';
import { Dialog } from '../notices.tsx';
import { dateTime, duration } from '../view/format.ts';
import { Copy, Loading, Trouble } from './basics.tsx';
import { Button } from './button.tsx';

/** As lines, where it is JSON. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export function DeliveryDialog({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const { data, error } = useLoaded(
    (signal) => ask<DeliveryLog>(`deliveries/${encodeURIComponent(id)}`, { signal }),
    [id],
  );
  return (
    <Dialog title="Delivery" onClose={onClose} isWide>
      {error !== null && <Trouble error={error} />}
      {data === undefined && error === null && <Loading rows={2} />}
      {data !== undefined && (
        <>
          <div class="panel-head">
            <h3>What is sent</h3>
            {data.body !== null && <Copy text={data.body} />}
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
          <pre tabIndex={0}>{data.body === null ? 'It is removed by now.' : pretty(data.body)}</pre>
          <h3>What was answered</h3>
          {data.log.length === 0 && <p class="soft">Nothing yet.</p>}
          <ol class="plain">
            {data.log.map(({ at, elapsedMs, status, error: problem, answer }) => (
              <li key={at}>
                <strong class="number">{status ?? 'no answer'}</strong>{' '}
                <span class="soft">
                  {dateTime(at)}, after {duration(elapsedMs)}
                </span>
                {problem !== null && <p class="problem">{problem}</p>}
                {answer !== null && answer !== '' && <pre>{answer}</pre>}
              </li>
            ))}
          </ol>
        </>
      )}
      <div class="actions end">
        <Button label="Close" onClick={onClose} />
      </div>
    </Dialog>
  );
}
