/** The words of a failure, as servers of this kind shape them. */

import { assert, dictionary, jsonValue, oneof, property, string } from 'fast-check';
import { isStorable } from '../../src/domain/video-request.ts';
import { wordsIn } from '../../src/net/upstream-words.ts';

const PYDANTIC = [
  { type: 'missing', loc: ['body', 'prompt'], msg: 'Field required', input: null },
  { type: 'enum', loc: ['body', 'size'], msg: 'Input should be 720x1280' },
];

test.each<[string, unknown, object]>([
  [
    'OpenAI',
    { error: { message: 'no', type: 'a_type', param: null, code: 'a_code' } },
    { code: 'a_code', message: 'no' },
  ],
  [
    'OpenAI without a code',
    { error: { message: 'no', type: 'a_type', code: null } },
    { code: 'a_type', message: 'no' },
  ],
  ['airforce, with the code beside it', { error: 'no', code: 'because' }, { code: 'because', message: 'no' }],
  [
    'new-api’s relay',
    { code: 'insufficient_user_quota', message: 'no', data: null },
    { code: 'insufficient_user_quota', message: 'no' },
  ],
  ['new-api’s failed task', { status: 'FAILURE', fail_reason: 'no', message: 'success' }, { message: 'no' }],
  ['a failure in an envelope that went well', { task: { status: 'Fail' }, message: 'SUCCEED' }, {}],
  ['fal’s failed request', { error: 'no', error_type: 'internal_error' }, { code: 'internal_error', message: 'no' }],
  ['Runway', { failureReason: 'no', failureCode: 'SAFETY.TEXT' }, { code: 'SAFETY.TEXT', message: 'no' }],
  ['a number for a code', { error: { code: 1301, message: 'no' } }, { code: '1301', message: 'no' }],
  [
    'LiteLLM, which prints what is not there',
    { error: { message: 'no', type: 'None', param: 'None', code: '400' } },
    { code: '400', message: 'no' },
  ],
  ['text', 'no', { message: 'no' }],
  ['OpenRouter', { error: 'no' }, { message: 'no' }],
  ['a reason', { error: { reason: 'no' } }, { message: 'no' }],
  ['a failure reason at the top', { error: null, failure_reason: 'no' }, { message: 'no' }],
  ['FastAPI', { detail: 'no' }, { message: 'no' }],
  ['pydantic', { detail: PYDANTIC }, { code: 'missing', message: 'body.prompt: Field required' }],
  ['a list of errors', { errors: [{}, { message: 'no', code: 'c' }] }, { code: 'c', message: 'no' }],
  ['an error in an error', { error: { error: { message: 'no' } } }, { message: 'no' }],
  [
    'an error that is a detail',
    { error: { detail: PYDANTIC.slice(1) } },
    { code: 'enum', message: 'body.size: Input should be 720x1280' },
  ],
  ['a success', { code: 200, message: '', error: null }, {}],
  ['numbers', [1, 2], {}],
  ['nothing', null, {}],
])('are found as %s says them', (_name, body, words) => {
  expect(wordsIn(body)).toEqual(words);
});

test('can be kept, of any answer', async () => {
  const text = string({ unit: 'binary', maxLength: 2500 });
  const member = oneof(text, jsonValue({ stringUnit: 'binary' }));
  await assert(
    property(
      dictionary(
        oneof(text, ...['error', 'message', 'code', 'detail', 'loc', 'msg'].map((key) => string().map(() => key))),
        member,
      ),
      (body) => {
        const { code = '', message = '' } = wordsIn(body);
        expect([isStorable(code), isStorable(message)]).toEqual([true, true]);
        expect(code.length).toBeLessThanOrEqual(200);
        expect(message.length).toBeLessThanOrEqual(2000);
      },
    ),
  );
});
