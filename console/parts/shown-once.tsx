/** What was made and is shown this once: keys and secrets, to be taken along now or never. */

import type { ComponentChildren } from 'preact';
import { Dialog } from '../notices.tsx';
import { Copy } from './basics.tsx';
import { Button } from './button.tsx';

export interface ShownOnceProps {
  readonly title: string;
  /** Why it is not shown again. */
  readonly note: ComponentChildren;
  /** By what each is for. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly onClose: () => void;
}

export function ShownOnce({ title, note, secrets, onClose }: ShownOnceProps) {
  const entries = Object.entries(secrets);
  return (
    <Dialog title={title} onClose={onClose} isToBeAnswered>
      <p>{note}</p>
      {entries.map(([name, value]) => (
        <div key={name} class="secret">
          <span class="soft small">{name}</span>
          <code>{value}</code>
          <Copy text={value} />
        </div>
      ))}
      <div class="actions end">
        <Button label={entries.length === 1 ? 'I have it' : 'I have them'} class="primary" onClick={onClose} />
      </div>
    </Dialog>
  );
}
