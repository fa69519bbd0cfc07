/** The console: a page over the gateway's own routes, shown as far as its session goes. */

import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { keepFocus } from './focus.ts';
import { onKey } from './keyboard.ts';
import { connect } from './live.ts';
import { Notices, Questions } from './notices.tsx';
import { Head } from './parts/basics.tsx';
import { followLinks, href, parts } from './router.ts';
import { SCREENS } from './screens/index.ts';
import { SignIn } from './screens/sign-in.tsx';
import { begin, session } from './session.ts';
import { Shell } from './shell.tsx';
import { step } from './steps.ts';

function Screen() {
  const [place = '', id] = parts.value;
  const { list: List, one: One } = SCREENS[place] ?? {};
  if (id !== undefined && One !== undefined) return <One key={step.value} id={decodeURIComponent(id)} />;
  if (id === undefined && List !== undefined) return <List key={step.value} />;
  return (
    <Head title="There is no such page">
      <a class="button" href={href('/')}>
        To the overview
      </a>
    </Head>
  );
}

function SignedIn() {
  useEffect(connect, []);
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: links inside are what is pressed; this only follows them
    // biome-ignore lint/a11y/useKeyWithClickEvents: pressing Enter on a link is a click as well
    <div class="all" onClick={followLinks}>
      <Shell>
        <Screen />
      </Shell>
    </div>
  );
}

function Console() {
  const who = session.value;
  if (who === undefined) return null;
  return (
    <>
      {who === null ? <SignIn /> : <SignedIn key={who.caller.id} />}
      <Notices />
      <Questions />
    </>
  );
}

/** The second click of a double click is meant for what the first one did, which has another button in its place by then. */
function dropSecondClick(event: MouseEvent): void {
  if (event.detail > 1 && (event.target as Element).closest('button') !== null) {
    event.preventDefault();
    event.stopPropagation();
  }
}

const root = document.getElementById('app');
keepFocus();
addEventListener('click', dropSecondClick, { capture: true });
if (root) render(<Console />, root);
void begin();
