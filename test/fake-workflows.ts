/** Videos' workflows for tests without Temporal: every call succeeds, and what was told is kept. */

import type { VideoWorkflows } from '../src/domain/video-workflows.ts';

export interface FakeWorkflows extends VideoWorkflows {
  /** `cancel video_1` and the like, in order. */
  readonly told: string[];
}

/** All calls at once; `overrides` replace what a test is about. */
export function fakeWorkflows(overrides: Partial<VideoWorkflows> = {}): FakeWorkflows {
  const told: string[] = [];
  const tell = (what: string) => async (id: string) => told.push(`${what} ${id}`) > 0;
  return {
    told,
    start: async () => undefined,
    cancel: tell('cancel'),
    signalGranted: tell('granted'),
    signalNews: tell('news'),
    signalRecheck: tell('recheck'),
    signalReopen: tell('reopen'),
    runAgain: tell('again'),
    async rearchive({ id }) {
      await tell('rearchive')(id);
      return { kind: 'archived' };
    },
    startDelivery: async ({ id }) => {
      await tell('deliver')(id);
    },
    standing: async () => 'running',
    listClosedSince: async () => [],
    listStartedSince: async () => [],
    listRunning: async () => [],
    startBatch: async (id) => void told.push(`start batch ${id}`),
    startFilm: async ({ id }) => void told.push(`start film ${id}`),
    signalBatch: tell('batch'),
    check: async () => undefined,
    ...overrides,
  };
}
