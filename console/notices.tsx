/** Short notices at the edge of the page, read aloud as they come, and questions that have to be answered first. */

import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { wordsOf } from './api.ts';
import { holdOpener } from './focus.ts';
import { Button } from './parts/button.tsx';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isProblem: boolean;
}

const notices = signal<readonly Notice[]>([]);
const SHOWN_MS = { word: 4000, problem: 9000 };
let last = 0;

function show(text: string, isProblem: boolean): void {
  last += 1;
  const id = last;
  notices.value = [...notices.value, { id, text, isProblem }].slice(-4);
  setTimeout(() => dismiss(id), isProblem ? SHOWN_MS.problem : SHOWN_MS.word);
}

function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Says what was done. */
export function say(text: string): void {
  show(text, false);
}

/** Does it, and says what came of it. */
export async function attempt(done: string | null, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    if (done !== null) say(done);
    return true;
  } catch (error) {
    show(wordsOf(error), true);
    return false;
  }
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, text, isProblem }) => (
        <div key={id} class={isProblem ? 'notice problem' : 'notice'}>
          <span>{text}</span>
          <Button label="✕" class="quiet small" aria-label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}

export interface Question {
  readonly title: string;
  readonly body?: ComponentChildren;
  /** What the button says that does it. */
  readonly yes: string;
  readonly isDangerous?: boolean;
}

const asked = signal<(Question & { readonly answer: (isYes: boolean) => void }) | null>(null);

/** Resolves with whether it is to be done. */
export function confirm(question: Question): Promise<boolean> {
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer(isYes) {
        asked.value = null;
        resolve(isYes);
      },
    };
  });
}

/** A dialog of the browser's own: it holds the focus and gives it back, and Escape closes it unless it has to be answered. */
export function Dialog({
  title,
  onClose,
  isWide = false,
  isToBeAnswered = false,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  /** For what is long. */
  readonly isWide?: boolean;
  /** For what is lost with it. */
  readonly isToBeAnswered?: boolean;
  readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    holdOpener();
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={isWide ? 'wide' : undefined}
      aria-label={title}
      onClose={onClose}
      // A `cancel` event can be kept from closing it only the first time.
      onKeyDown={(event) => isToBeAnswered && event.key === 'Escape' && event.preventDefault()}
    >
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

/** The end of a dialog's form: leaving it, and what sends it. */
export function FormEnd({
  onClose,
  yes,
  disabled = false,
}: {
  readonly onClose: () => void;
  readonly yes: string;
  readonly disabled?: boolean;
}) {
  return (
    <div class="actions end">
      <Button label="Not now" onClick={onClose} />
      <button type="submit" class="primary" disabled={disabled}>
        {yes}
      </button>
    </div>
  );
}

export function Questions() {
  const question = asked.value;
  if (question === null) return null;
  return (
    <Dialog title={question.title} onClose={() => question.answer(false)}>
      {question.body}
      <div class="actions end">
        <Button label="Not now" onClick={() => question.answer(false)} />
        <Button
          label={question.yes}
          class={question.isDangerous ? 'danger' : 'primary'}
          onClick={() => question.answer(true)}
        />
      </div>
    </Dialog>
  );
}
