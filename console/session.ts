/** Who is signed in: not known before the first answer, then a caller or none. */

import { computed, effect, signal } from '@preact/signals';
import type { Session } from './answers.ts';
import { ask, post, turnedAway, wordsOf } from './api.ts';
import { forgetSteps } from './steps.ts';

const SESSION = '/console/session';

/** Undefined until the first answer; null without a session. */
export const session = signal<Session | null | undefined>(undefined);
export const isRoot = computed(() => session.value?.caller.isRoot ?? false);
/** Why signing in by a link, or going on with the session, did not work. */
export const signInProblem = signal<string | null>(null);

effect(() => {
  if (turnedAway.value > 0) session.value = null;
});

const callerId = computed(() => session.value?.caller.id);
effect(() => {
  if (callerId.value !== undefined) forgetSteps();
});

/** The browser has one session for all of its pages: what one of them does, the others are told. */
const otherPages = new BroadcastChannel('session');
otherPages.onmessage = () => void renew();

/** @throws Problem for a key that is not known. */
export async function signIn(secret: { readonly key: string } | { readonly code: string }): Promise<void> {
  session.value = await post<Session>(SESSION, secret);
  otherPages.postMessage('signed in');
}

/** Reads it once more, where it may have ended; a gateway that is away says nothing of it. */
export async function renew(): Promise<void> {
  session.value = await ask<Session | null>(SESSION).catch(() => session.value);
}

export async function signOut(): Promise<void> {
  await ask(SESSION, { method: 'DELETE' });
  session.value = null;
  otherPages.postMessage('signed out');
}

/** Signs in by the code behind `#`, which is taken out of the address, or goes on with the session that there is. */
export async function begin(): Promise<void> {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    history.replaceState(history.state, '', location.pathname + location.search);
    try {
      await signIn({ code });
      return;
    } catch (error) {
      signInProblem.value = wordsOf(error);
    }
  }
  session.value = await ask<Session | null>(SESSION).catch((error: unknown) => {
    signInProblem.value = wordsOf(error);
    return null;
  });
}
