/** The screen for who is not signed in. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { wordsOf } from '../api.ts';
import { signIn, signInProblem } from '../session.ts';
import { sentence } from '../view/format.ts';

export function SignIn() {
  document.title = 'Sign in · Clipyard';
  const [key, setKey] = useState('');
  const [problem, setProblem] = useState<string | null>(signInProblem.value);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // Browsers heed `autofocus` once in a page's life.
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    try {
      await signIn({ key: key.trim() });
    } catch (error) {
      setProblem(wordsOf(error));
      setBusy(false);
    }
  };
  return (
    <main id="main" class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <p class="brand">
          <Mark /> Clipyard
        </p>
        <h1>Sign in</h1>
        <p class="soft">
          With an API key of this gateway. It stays with the gateway: the browser keeps a session alone.
        </p>
        <label>
          API key
          <input
            ref={field}
            type="password"
            name="key"
            autocomplete="current-password"
            value={key}
            required
            spellcheck={false}
            aria-describedby="sign-in-problem"
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </label>
        <p id="sign-in-problem" class="problem" role="alert">
          {problem !== null && sentence(problem)}
        </p>
        <button type="submit" class="primary">
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        <p class="soft small">
          Who started the gateway finds the root key in its data directory, and a link that signs in once in what{' '}
          <code>npm start</code> prints.
        </p>
      </form>
    </main>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="mark-back" />
      <path class="mark-body" d="M8 10.5h10.5a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H8z" />
      <path class="mark-lens" d="m23 14 4-2.6v9.2L23 18z" />
    </svg>
  );
}
