/** Keeps the focus in the page, where keys or news take away what has it. */

/** Puts it on the screen's content. */
export function focusContent(): void {
  document.getElementById('main')?.focus({ preventScroll: true });
}

let focused: Element | null = null;

/** A browser would leave the focus with nothing; here the content takes over. Dialogs give it back themselves. */
function keep(): void {
  if (document.querySelector('dialog') !== null) return;
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
