/** What a list shows of a create whose answer was lost: which tasks can be its own, and which cannot be told. */

import { type ListedTask, type LostCreate, sight } from '../../src/domain/adoption.ts';

const SENT_AT_MS = 1_000_000;
const LOST: LostCreate = { prompt: 'a lighthouse', sentAtMs: SENT_AT_MS, rivals: [] };
const OWN: ListedTask = {
  taskId: 'own',
  createdAtMs: SENT_AT_MS,
  model: 'wan-2.6',
  prompt: 'a lighthouse',
  durationSeconds: 8,
};

type Kind = 'candidate' | 'stranger' | 'ruled out';

function kindOf(task: ListedTask, lost: LostCreate): Kind {
  const { candidates, strangers } = sight([task], lost);
  if (candidates.length > 0) return 'candidate';
  return strangers.length > 0 ? 'stranger' : 'ruled out';
}

describe('a task in the list', () => {
  test.each<[Kind, string, Partial<ListedTask>]>([
    ['candidate', 'is equal in all that is shown', {}],
    ['candidate', 'was created in the second of the send', { createdAtMs: SENT_AT_MS - 999 }],
    ['candidate', 'shows neither model, prompt nor duration', { model: undefined, prompt: undefined }],
    ['candidate', 'has its prompt trimmed', { prompt: '  a lighthouse\n' }],
    ['candidate', 'has a dated name of the model', { model: 'wan-2.6-2026-10-06' }],
    ['candidate', 'has a length that the upstream has made whole', { durationSeconds: 5 }],
    ['candidate', 'shows its prompt and no time', { createdAtMs: undefined }],
    ['stranger', 'is younger and has another prompt', { prompt: 'a harbour' }],
    ['stranger', 'shows neither time nor prompt', { createdAtMs: undefined, prompt: undefined }],
    ['ruled out', 'is older than the send', { createdAtMs: SENT_AT_MS - 1001 }],
    ['ruled out', 'has another prompt and no time', { createdAtMs: undefined, prompt: 'a harbour' }],
  ])('is a %s when it %s', (kind, _what, change) => {
    expect(kindOf({ ...OWN, ...change }, LOST)).toBe(kind);
  });

  test.each<[Kind, string, Partial<ListedTask>, readonly string[]]>([
    ['candidate', 'shows the prompt', {}, ['a harbour']],
    ['ruled out', "shows a rival's prompt", { prompt: 'a harbour' }, ['a harbour']],
    ['stranger', 'shows no prompt', { prompt: undefined }, ['a harbour']],
    ['stranger', 'shows the prompt that a rival has as well', {}, ['a lighthouse ']],
  ])('is a %s beside another doubt when it %s', (kind, _what, change, rivals) => {
    expect(kindOf({ ...OWN, ...change }, { ...LOST, rivals })).toBe(kind);
  });
});
