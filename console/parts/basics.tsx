/** Small things that every screen is made of. */

import type { ComponentChild, ComponentChildren } from 'preact';
import type { VideoState } from '../answers.ts';
import { Problem, wordsOf } from '../api.ts';
import { slowly } from '../clock.ts';
import { attempt } from '../notices.tsx';
import { href } from '../router.ts';
import { ago, capital, dateTime, dollars, sentence, spaced } from '../view/format.ts';
import { STATE_WORDS } from '../view/words.ts';
import { Button } from './button.tsx';

/** A state in its colour; `look` where it has that of another state. */
export function Badge({ state, look = state }: { readonly state: string; readonly look?: string }) {
  return <span class={`badge state-${look}`}>{capital(spaced(state))}</span>;
}

export function StateBadge({ state }: { readonly state: VideoState }) {
  return <span class={`badge state-${state}`}>{STATE_WORDS[state]}</span>;
}

/** A dash where there is none; signed where it is a change of what is available. */
export function Money({
  microUsd,
  isSigned = false,
}: {
  readonly microUsd: number | null;
  readonly isSigned?: boolean;
}) {
  if (microUsd === null) return <span class="soft">–</span>;
  return (
    <span class="number">
      {isSigned && microUsd > 0 && '+'}
      {dollars(microUsd)}
    </span>
  );
}

export function Ago({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={dateTime(at)}>
      {ago(at, slowly.value)}
    </time>
  );
}

/** The head of a screen, which names the browser's tab as well. */
export function Head({
  title,
  note,
  children,
}: {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly children?: ComponentChildren;
}) {
  document.title = `${title} · Clipyard`;
  return (
    <header class="head">
      <div class="titles">
        <h1>{title}</h1>
        {note !== undefined && <p class="soft">{note}</p>}
      </div>
      {children !== undefined && <div class="actions">{children}</div>}
    </header>
  );
}

/** What to do where there is nothing yet. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 64 48" aria-hidden="true">
        <rect x="4" y="6" width="40" height="36" rx="6" />
        <path d="m48 18 12-7v26l-12-7z" />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What went wrong, and trying again. */
export function Trouble({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const isMissing = error instanceof Problem && error.status === 404;
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>{isMissing ? 'There is nothing here.' : 'That did not work.'}</strong> {sentence(wordsOf(error))}
      </p>
      {isMissing ? (
        <a class="button" href={href('/')}>
          To the overview
        </a>
      ) : (
        retry && <Button label="Try again" onClick={retry} />
      )}
    </div>
  );
}

/** A command to copy, below what is said of it. */
export function CommandPanel({ title, command, children }: CommandPanelProps) {
  return (
    <Panel title={title} aside={<Copy text={command} />}>
      {children}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <pre tabIndex={0}>
        <code>{command}</code>
      </pre>
    </Panel>
  );
}

interface CommandPanelProps {
  readonly title: string;
  readonly command: string;
  readonly children: ComponentChildren;
}

/** A screen whose subject could not be read. */
export function Missing({ title, ...trouble }: { readonly title: string } & Parameters<typeof Trouble>[0]) {
  return (
    <>
      <Head title={title} />
      <Trouble {...trouble} />
    </>
  );
}

/** Grey lines where an answer will stand, so that nothing jumps when it comes. */
export function Loading({ rows = 6 }: { readonly rows?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="bone" />
      ))}
    </div>
  );
}

/** @throws Error where the browser lets pages copy nothing: it does so over HTTPS and of this machine alone. */
async function copy(text: string): Promise<void> {
  const { clipboard } = navigator as { readonly clipboard?: Clipboard };
  if (clipboard === undefined) throw new Error('browsers copy over HTTPS alone; choose the text by hand');
  await clipboard.writeText(text);
}

export function Copy({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  return <Button label={label} class="small" onClick={() => attempt('Copied.', () => copy(text))} />;
}

/** The heading of a column of figures. */
export function end(name: string) {
  return (
    <th key={name} class="end">
      {name}
    </th>
  );
}

/** The heading of a column that speaks for itself. */
export function unseen(name: string) {
  return (
    <th key={name}>
      <span class="unseen">{name}</span>
    </th>
  );
}

export interface TableProps {
  readonly label: string;
  /** Their headings, or what they are called. */
  readonly columns: readonly ComponentChild[];
  /** Its rows. */
  readonly children: ComponentChildren;
}

/** A table, which may be wider than a narrow screen, and moves by keys as well. */
export function Table({ label, columns, children }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>{columns.map((column) => (typeof column === 'string' ? <th key={column}>{column}</th> : column))}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** The way to what a list has besides; nothing where all is shown. */
export function More({ more }: { readonly more: (() => void) | null }) {
  if (more === null) return null;
  return (
    <p class="actions center">
      <Button label="Show more" onClick={more} />
    </p>
  );
}

/** Names with what they have, those without anything left out. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** One number with its name. */
export function Figure({
  name,
  value,
  note,
}: {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
}) {
  return (
    <div class="figure">
      <span class="soft">{name}</span>
      <strong class="number">{value}</strong>
      {note !== undefined && <small class="soft">{note}</small>}
    </div>
  );
}

export function Panel({
  title,
  aside,
  children,
  class: extra = '',
}: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly class?: string;
}) {
  return (
    <section class={`panel ${extra}`}>
      <div class="panel-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
