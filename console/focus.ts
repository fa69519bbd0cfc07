/** Keeps the focus in the page, where keys or news take away what has it. */

/** Puts it on the screen's content. */
export function focusContent(): void {
  document.getElementById('main')?.focus({ preventScroll: true });
}

let focused: Element | null = null;
/** What had the focus before the dialog that is open, or before the first of those that follow each other. */
let opener: Element | null = null;

/** To be called before a dialog takes the focus, which comes back when it is gone. */
export function holdOpener(): void {
  opener ??= document.activeElement;
}

/** A browser would leave the focus with nothing; here what opened a dialog has it again, or the content takes over. */
function keep(): void {
  if (document.querySelector('dialog') !== null) return;
  const place = opener;
  opener = null;
  if (place instanceof HTMLElement && place !== document.body && place.isConnected) {
    place.focus({ preventScroll: true });
    return;
  }
  const isGone = focused !== null && (!focused.isConnected || focused.matches(':disabled'));
  const { activeElement } = document;
  if (isGone && (activeElement === document.body || activeElement === focused)) focusContent();
}

/** From then on what has the focus is never nothing. */
export function keepFocus(): void {
  addEventListener('focusin', ({ target }) => {
    focused = target as Element;
  });
  new MutationObserver(keep).observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled'] });
}
