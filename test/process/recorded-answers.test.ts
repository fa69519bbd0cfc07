/** Recorded answers, and what a description makes of them: those that it never comes to are not as recorded. */

import { parseDescription } from '../../src/config/descriptions.ts';
import { checkRecorded, readRecorded, recordedAnswers } from '../../src/process/recorded-answers.ts';

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

test('what cannot be read is told beside what it should have been', async () => {
  const recorded = { poll: [{ status: 503, body: { error: 'busy' }, is: { kind: 'pending' } }] };
  expect(await problemsOf(recorded)).toEqual([
    expect.stringMatching(/^kind is absent and not "pending": .*the upstream answered 503 instead of the task/),
  ]);
});

test.each([
  [[], 'the file must be an object'],
  [{ polls: [] }, 'polls is not known here'],
  [{ poll: [{ body: {}, is: {} }] }, 'poll.0.status is missing'],
  [{ create: [{ status: 200, body: {} }] }, 'create.0.is is missing'],
  [{ request: { durationSeconds: '8' } }, 'request.durationSeconds must be a number'],
])('of %j is said in words: %s', (content, problem) => {
  expect(readRecorded(content)).toEqual({ problem });
});
