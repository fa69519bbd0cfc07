/** Recorded answers, and what a description makes of them: those that it never comes to are not as recorded. */

import { parseDescription } from '../../src/config/descriptions.ts';
import { checkRecorded, recordedAnswers } from '../../src/process/recorded-answers.ts';

const description = parseDescription(
  `name: mine
create: { path: /make, fields: { text: $prompt, quality: $quality }, taskId: /id, idempotencyHeader: null }
status: { path: "/tasks/{taskId}", word: /state, words: { succeeded: [done] }, resultUrl: /url }
list: null
`,
  'mine.yaml',
);
const REFUSED = { status: 400, body: { error: 'no' }, is: { kind: 'refused' } };

/** What came out otherwise than it is recorded. */
async function problemsOf(recorded: object): Promise<readonly (string | null)[]> {
  const checked = await checkRecorded(description, recordedAnswers.parse(recorded));
  return checked.map(({ problem }) => problem);
}

test('what was refused unsent is not what the API refused', async () => {
  expect(await problemsOf({ create: [REFUSED] })).toEqual([
    'nothing was sent: mine has no words for the aspect ratio 16:9',
  ]);
  expect(await problemsOf({ request: { aspectRatio: null }, create: [REFUSED] })).toEqual([null]);
});

test('what the description does not ask for has no answers', async () => {
  const recorded = { cancel: [{ status: 200, body: {} }], list: [{ status: 200, body: [], is: {} }] };
  expect(await problemsOf(recorded)).toEqual(['nothing was sent', 'nothing was sent']);
});
