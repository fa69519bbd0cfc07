/** Which videos a list shows: read from the address, written to it, and matched against what the event stream tells. */

import type { Video, VideoState } from '../answers.ts';

/** What people mean by a state, and the states it stands for. */
export const TABS = {
  all: { title: 'All', states: null },
  active: { title: 'In flight', states: ['queued', 'submitting', 'unconfirmed', 'generating', 'archiving'] },
  completed: { title: 'Completed', states: ['completed'] },
  failed: { title: 'Failed', states: ['failed'] },
  stopped: { title: 'Stopped', states: ['cancelled', 'expired'] },
} as const satisfies Record<string, { title: string; states: readonly VideoState[] | null }>;
export type Tab = keyof typeof TABS;

export interface Filter {
  readonly tab: Tab;
  readonly model: string | null;
  readonly batchId: string | null;
  readonly caller: string | null;
  /** In prompt or id, whichever letters are capitals. */
  readonly text: string;
}

export function filterOf(query: URLSearchParams): Filter {
  const tab = query.get('state') ?? 'all';
  return {
    tab: Object.hasOwn(TABS, tab) ? (tab as Tab) : 'all',
    model: query.get('model'),
    batchId: query.get('batch'),
    caller: query.get('caller'),
    text: query.get('q') ?? '',
  };
}

/** What the route is asked for; the text is looked for by the page. */
export function listQuery({ tab, model, batchId, caller }: Filter) {
  return { state: TABS[tab].states?.join(','), model, batchId, caller };
}

export function matches(filter: Filter, video: Video): boolean {
  const states: readonly VideoState[] | null = TABS[filter.tab].states;
  return (
    (states === null || states.includes(video.state)) &&
    (filter.model === null || video.model === filter.model) &&
    (filter.batchId === null || video.batchId === filter.batchId) &&
    (filter.caller === null || video.caller === filter.caller) &&
    matchesText(filter.text, video)
  );
}

/** Every word has to be there. */
export function matchesText(text: string, { id, model, request }: Video): boolean {
  if (text === '') return true;
  const where = `${request.prompt}\n${id}\n${model}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => where.includes(word));
}

const ENDED: readonly VideoState[] = ['completed', 'failed', 'cancelled', 'expired'];

export function isEnded({ state }: Pick<Video, 'state'>): boolean {
  return ENDED.includes(state);
}
