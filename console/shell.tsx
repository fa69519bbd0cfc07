/** What stands around every screen: navigation, who is signed in, whether news come, and help with the keys. */

import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { isLive } from './live.ts';
import { attempt, Dialog } from './notices.tsx';
import { Button } from './parts/button.tsx';
import { href, parts } from './router.ts';
import { Mark } from './screens/sign-in.tsx';
import { isRoot, session, signOut } from './session.ts';

interface Place {
  readonly path: string;
  readonly title: string;
  /** Of a 24 by 24 grid. */
  readonly icon: string;
  readonly isRoots?: boolean;
}

export const PLACES: readonly Place[] = [
  { path: '', title: 'Overview', icon: 'M4 13h6V4H4zm10 7h6v-9h-6zM4 20h6v-4H4zM14 4v4h6V4z' },
  { path: 'videos', title: 'Videos', icon: 'M3 6h12v12H3zm12 5 6-3v8l-6-3' },
  { path: 'new', title: 'New', icon: 'M12 5v14M5 12h14' },
  { path: 'batches', title: 'Batches', icon: 'm12 3 9 5-9 5-9-5zm-9 9 9 5 9-5M3 16l9 5 9-5' },
  { path: 'webhooks', title: 'Webhooks', icon: 'M5 12a7 7 0 0 1 14 0M8 12a4 4 0 0 1 8 0m-4 0v8m-3 0h6' },
  { path: 'money', title: 'Money', icon: 'M4 7h16v11H4zm0 3h16M8 15h3' },
  { path: 'accounts', title: 'Accounts', icon: 'M5 4h14v6H5zm0 10h14v6H5zm3-7h.01M8 17h.01', isRoots: true },
  {
    path: 'callers',
    title: 'Callers',
    icon: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8M4 21c1-4 4-6 8-6s7 2 8 6',
    isRoots: true,
  },
];

export const helpIsOpen = signal(false);

const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'search'],
  ['j and k', 'next and previous row'],
  ['x', 'choose the row'],
  ['Arrows', "from clip to clip of a batch's cells"],
  ['Enter', 'open the row'],
  ['n', 'new video'],
  ['g, then o v b w m', 'overview, videos, batches, webhooks, money'],
  ['g, then a c', 'accounts, callers (root)'],
  ['Space', 'play or pause'],
  ['Escape', 'close'],
  ['?', 'this help'],
];

function Help() {
  const close = () => {
    helpIsOpen.value = false;
  };
  return (
    <Dialog title="Keys" onClose={close}>
      <dl class="keys">
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="actions end">
        <Button label="Close" onClick={close} />
      </div>
    </Dialog>
  );
}

function Navigation() {
  const [current = ''] = parts.value;
  const bar = useRef<HTMLElement>(null);
  // On narrow screens the places stand in a row of which only some are seen.
  useEffect(() => {
    const { offsetLeft = 0, offsetWidth = 0 } = bar.current?.querySelector<HTMLElement>('[aria-current]') ?? {};
    bar.current?.scrollTo({ left: offsetLeft - (bar.current.clientWidth - offsetWidth) / 2 });
  }, [current]);
  return (
    <nav ref={bar} aria-label="Console">
      {PLACES.filter(({ isRoots = false }) => !isRoots || isRoot.value).map(({ path, title, icon }) => (
        <a key={path} href={href(`/${path}`)} aria-current={path === current ? 'page' : undefined}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={icon} />
          </svg>
          {title}
        </a>
      ))}
    </nav>
  );
}

export function Shell({ children }: { readonly children: ComponentChildren }) {
  const name = session.value?.caller.name ?? '';
  return (
    <div class="shell">
      <a class="skip" href="#main">
        To the content
      </a>
      <aside class="side">
        <a class="brand" href={href('/')}>
          <Mark /> Clipyard
        </a>
        <Navigation />
        <div class="who">
          <span
            class={isLive.value ? 'live on' : 'live'}
            title={isLive.value ? 'News come as they happen' : 'Connecting'}
          >
            {isLive.value ? 'Live' : 'Connecting…'}
          </span>
          <span class="who-name" title={name}>
            {name}
          </span>
          <Button label="?" class="quiet small" onClick={() => (helpIsOpen.value = true)} aria-label="Help with keys" />
          <Button label="Sign out" class="quiet small" onClick={() => attempt(null, signOut)} />
        </div>
      </aside>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      {helpIsOpen.value && <Help />}
    </div>
  );
}
