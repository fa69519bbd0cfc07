/** What may be spent, is held and was spent: a caller's own; for root, who sees all videos, that of all callers. */

import type { Balance, Caller, Page } from './answers.ts';
import { ask } from './api.ts';
import { isRoot } from './session.ts';

export async function readBalance(signal: AbortSignal): Promise<Balance> {
  const own = await ask<Balance>('balance', { signal });
  if (!isRoot.value) return own;
  const { items } = await ask<Page<Caller>>('callers', { signal });
  const sum = (name: 'heldMicroUsd' | 'spentMicroUsd') => items.reduce((total, caller) => total + caller[name], 0);
  return { ...own, heldMicroUsd: sum('heldMicroUsd'), spentMicroUsd: sum('spentMicroUsd') };
}
