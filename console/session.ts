/** Who is signed in: not known before the first answer, then a caller or none. */

import { computed, effect, signal } from '@preact/signals';
import type { Session } from './answers.ts';
import { ask, post, turnedAway, wordsOf } from './api.ts';

const SESSION = '/console/session';

/** Undefined until the first answer; null without a session. */
export const session = signal<Session | null | undefined>(undefined);
export const isRoot = computed(() => session.value?.caller.isRoot ?? false);
/** Why signing in by a link did not work. */
export const linkProblem = signal<string | null>(null);

effect(() => {
  if (turnedAway.value > 0) session.value = null;
});

/** @throws Problem for a key that is not known. */
export async function signIn(secret: { readonly key: string } | { readonly code: string }): Promise<void> {
  session.value = await post<Session>(SESSION, secret);
}

/** Reads it once more, where it may have ended; a gateway that is away says nothing of it. */
export async function renew(): Promise<void> {
  session.value = await ask<Session | null>(SESSION).catch(() => session.value);
}

export async function signOut(): Promise<void> {
  await ask(SESSION, { method: 'DELETE' });
  session.value = null;
}

/** Signs in by the code behind `#`, which is taken out of the address, or goes on with the session that there is. */
export async function begin(): Promise<void> {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    history.replaceState(null, '', location.pathname + location.search);
    try {
      await signIn({ code });
      return;
    } catch (error) {
      linkProblem.value = wordsOf(error);
    }
  }
  session.value = await ask<Session>(SESSION).catch(() => null);
}
