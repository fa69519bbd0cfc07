/** What complete answers to a create mean: recorded shapes of servers of this kind, each with its verdict. */

import type { RefusalReason } from '../../src/domain/provider.ts';
import { readReply } from '../../src/net/trusted/request-json.ts';
import { judgeReply } from '../../src/providers/create-outcome.ts';

const PROMPT = 'an api key with a balance of zero credits, and a model that is not allowed';
const CREATE = {
  baseUrl: 'https://api.example/relay',
  path: '/v1/videos',
  idKey: 'id',
  prompt: PROMPT,
  upstreamModel: 'wan-internal-2.6',
};

function judge(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return judgeReply(readReply({ status, headers, bytes }, { apiKey: 'sk-upstream-test' }), CREATE);
}

const openaiError = (code: string | null, message: string, type = 'invalid_request_error') => ({
  error: { message, type, param: null, code },
});
const newApiError = (code: string, message: string) => ({ error: { code, message, type: 'new_api_error' } });

describe('a 402 or 403', () => {
  test.each<[string, unknown, RefusalReason]>([
    ['OpenAI’s moderation', openaiError('content_policy_violation', 'Your request was rejected.'), 'request'],
    ['a safety system', openaiError(null, 'Blocked by our safety system.', 'image_generation_user_error'), 'request'],
    ['a prompt that is refused', { error: 'this prompt is not accepted' }, 'request'],
    ['new-api’s sensitive words', newApiError('sensitive_words_detected', '用户请求包含敏感词'), 'request'],
    ['a violated policy', { detail: 'Your account would violate our usage policy with this' }, 'request'],
    ['new-api’s quota', newApiError('insufficient_user_quota', 'user quota is not enough'), 'no credit'],
    ['new-api’s relay', { code: 'insufficient_user_quota', message: '预扣费额度失败', data: null }, 'no credit'],
    ['one-api’s quota', { error: { message: '用户额度不足', type: 'one_api_error' } }, 'no credit'],
    ['a code in capitals', { code: 'NOT_ENOUGH_BALANCE', message: 'failed' }, 'no credit'],
    ['a code in camels', { error: { code: 'InsufficientBalance', message: 'failed' } }, 'no credit'],
    ['OpenRouter’s credits', { error: { code: 402, message: 'This request requires more credits' } }, 'no credit'],
    ['a plan and its billing', openaiError(null, 'Quota exceeded, check your plan and billing details'), 'no credit'],
    ['LiteLLM’s budget', openaiError('400', 'Budget has been exceeded!', 'budget_exceeded'), 'no credit'],
    ['OpenAI’s model', openaiError('model_not_found', 'Project does not have access to it'), 'model not allowed'],
    ['words of a model', { error: 'Your account has no access to the model sora-2-pro' }, 'model not allowed'],
    [
      'LiteLLM’s key',
      openaiError('403', 'key not allowed to access model', 'key_model_access_denied'),
      'model not allowed',
    ],
    ['a plan', { message: 'Upgrade your subscription to use this' }, 'model not allowed'],
    ['a disabled key', { error: 'This API key has been disabled' }, 'unauthenticated'],
    ['a suspended account', { error: { code: 'account_suspended', message: 'Contact support' } }, 'unauthenticated'],
    ['one-api’s token', { error: { message: '该令牌状态不可用', type: 'one_api_error' } }, 'unauthenticated'],
    ['a rate limit', { error: 'Rate limit reached for this hour' }, 'rate limited'],
    ['words that are not known', { error: { code: 'because', message: 'no' } }, 'undecided'],
    [
      'a permission',
      { error: { code: 403, message: 'The caller does not have permission', status: 'PERMISSION_DENIED' } },
      'undecided',
    ],
    ['nothing', '', 'undecided'],
    ['an object without words', { ok: false, prompt: 'content', key: 'balance' }, 'undecided'],
    ['a page of a proxy', '<html><title>Access denied</title>your account, your key, our policy</html>', 'undecided'],
    ['plain text', 'insufficient balance', 'no credit'],
  ])('with %s', (_name, body, reason) => {
    for (const status of [402, 403]) expect(judge(status, body)).toMatchObject({ kind: 'refused', reason });
  });

  test.each([PROMPT, PROMPT.slice(0, 40), PROMPT.slice(0, 20)])(
    'is not judged by the prompt that it quotes: %s',
    (quoted) => {
      const outcome = judge(403, { error: `refused: "${quoted}…"` });
      expect(outcome).toMatchObject({
        kind: 'refused',
        reason: 'undecided',
        upstream: { message: expect.stringContaining(quoted) },
      });
    },
  );
});

describe('a prompt that is quoted in another form', () => {
  test.each([
    ['in capitals', PROMPT.toUpperCase()],
    ['with other blanks', PROMPT.replaceAll(' ', '\n  ')],
    ['with escapes', PROMPT.replaceAll(' ', '\\" ')],
    ['without its beginning', `…${PROMPT.slice(30)}`],
    ['without its middle', `${PROMPT.slice(0, 32)} … ${PROMPT.slice(-30)}`],
  ])('is not judged: %s', (_form, quoted) => {
    const outcome = judge(403, { error: `refused: "${quoted}"` });
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'undecided' });
  });

  test('hides none of the upstream’s own words', () => {
    const outcome = judge(403, { error: `not made: ${PROMPT.toUpperCase()}: your account has no funds` });
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'no credit' });
  });
});

describe('another 4xx', () => {
  test.each<[number, unknown, RefusalReason]>([
    [400, openaiError('invalid_value', 'seconds must be 4, 8 or 12'), 'request'],
    [400, openaiError(null, 'your credit does not allow 12 seconds'), 'request'],
    [400, openaiError('insufficient_quota', 'You exceeded your current quota'), 'no credit'],
    [422, { code: 'insufficient_balance', message: 'no' }, 'no credit'],
    [422, { detail: [{ type: 'missing', loc: ['body', 'prompt'], msg: 'Field required' }] }, 'request'],
    [401, openaiError('insufficient_quota', 'no quota'), 'unauthenticated'],
    [
      400,
      { code: 'Client specified an invalid argument', error: 'Incorrect API key provided: xa***' },
      'unauthenticated',
    ],
    [400, openaiError('invalid_api_key', 'no'), 'unauthenticated'],
    [404, newApiError('model_not_found', 'no such model'), 'request'],
    [429, openaiError('insufficient_quota', 'no quota'), 'rate limited'],
  ])('of %i with %j is refused as %s', (status, body, reason) => {
    expect(judge(status, body)).toMatchObject({ kind: 'refused', reason });
  });

  test('of 408 is lost, however clear its words', () => {
    expect(judge(408, openaiError('invalid_value', 'unsupported size'))).toMatchObject({
      kind: 'lost',
      answered: false,
    });
  });
});

/** What servers say where nothing takes creates, and what some say of a model or a request with the same status. */
describe('a 404 or 405', () => {
  test.each<[string, unknown]>([
    ['nothing', ''],
    ['FastAPI', { detail: 'Not Found' }],
    ['FastAPI’s other one', { detail: 'Method Not Allowed' }],
    ['Express', '<!DOCTYPE html><html><body><pre>Cannot POST /v1/videos</pre></body></html>'],
    ['Fastify', { message: 'Route POST:/v1/videos not found', error: 'Not Found', statusCode: 404 }],
    ['Go', '404 page not found\n'],
    ['Kong', { message: 'no Route matched with those values' }],
    ['Spring', { timestamp: 1, status: 404, error: 'Not Found', path: '/v1/models/content/videos' }],
    ['Gin', '404 page not found'],
    ['new-api', openaiError('', 'Invalid URL (POST /v1/models/videos)')],
    ['OpenAI', openaiError('unknown_url', 'Unknown request URL: POST /v1/model. Please check the URL for typos.')],
    ['nginx', '<html><head><title>404 Not Found</title></head></html>'],
    ['a bucket', '<?xml version="1.0"?><Error><Code>MethodNotAllowed</Code></Error>'],
    ['words that are not known', { error: { code: 'because', message: 'no' } }],
  ])('of %s is about the account’s base URL', (_name, body) => {
    for (const status of [404, 405]) expect(judge(status, body)).toMatchObject({ kind: 'refused', reason: 'no route' });
  });

  test.each<[string, unknown]>([
    ['OpenAI’s model', openaiError('model_not_found', 'The model `sora-9` does not exist')],
    ['words of a model', { detail: 'Model not found' }],
    [
      'a model beside an address',
      { error: { message: 'models/x is not found for API version v1beta, see the list of available models' } },
    ],
    ['the parameter', { error: { message: 'no such thing', param: 'model', code: null } }],
    ['vLLM', { object: 'error', message: 'The model `x` does not exist.', type: 'NotFoundError', code: 404 }],
    ['one-api’s model', { error: { message: '模型不存在', type: 'one_api_error' } }],
    ['a file', { error: { message: 'No such file: file_123', type: 'invalid_request_error' } }],
    ['a content policy', { error: { code: 'content_policy_violation', message: 'no' } }],
    ['an image', { detail: 'The image was not found' }],
  ])('of %s is about the clip', (_name, body) => {
    for (const status of [404, 405]) expect(judge(status, body)).toMatchObject({ kind: 'refused', reason: 'request' });
  });
});

describe('a page', () => {
  test('is no answer of an API, whatever its status, and is not quoted', () => {
    const page = '<html><title>our model, your prompt</title></html>';
    for (const status of [400, 404, 405, 410, 421]) {
      const upstream = { status, message: 'a page, and no answer of an API' };
      expect(judge(status, page)).toMatchObject({ kind: 'refused', reason: 'no route', upstream });
    }
  });

  test('of a proxy that the request is too large for is about the clip', () => {
    for (const status of [413, 414, 431]) {
      expect(judge(status, '<html>Request Entity Too Large</html>')).toMatchObject({ reason: 'request' });
    }
  });

  test('with a good status code leaves open whether a task was made, and is said to be one', () => {
    const message = 'the answer is no JSON';
    expect(judge(200, '<html>OK</html>')).toEqual({
      kind: 'lost',
      answered: true,
      upstream: { status: 200, message },
      isPage: true,
    });
  });
});

describe('a 500 or 503', () => {
  test.each<[string, unknown, RefusalReason]>([
    [
      'new-api’s channel',
      newApiError('model_not_found', 'No available channel for model x under group default (distributor)'),
      'model not allowed',
    ],
    [
      'one-api’s channel',
      { error: { message: '当前分组 default 下对于模型 x 无可用渠道', type: 'one_api_error' } },
      'model not allowed',
    ],
    [
      'a channel for our model',
      { error: 'No available channels for model wan-internal-2.6 in group default' },
      'model not allowed',
    ],
    ['aquiles-image’s model', { detail: "Model 'flux' does not generate videos." }, 'model not allowed'],
    ['a parameter that is the model', { error: { message: 'no', param: 'model' } }, 'model not allowed'],
    ['a parameter', { error: { message: 'no', type: 'server_error', param: 'size', code: null } }, 'request'],
    ['an unsupported size', { detail: 'Unsupported size 640x480' }, 'request'],
    ['a duration', { error: { message: 'duration must be 5 or 10' } }, 'request'],
    ['a code', { error: { code: 'unsupported_resolution', message: 'no' } }, 'request'],
    ['a type', openaiError(null, 'no such thing', 'invalid_request_error'), 'request'],
    ['a moderated prompt', { error: { code: 'moderation_blocked', message: 'no' } }, 'request'],
  ])('with %s is a refusal', (_name, body, reason) => {
    for (const status of [500, 503]) expect(judge(status, body)).toMatchObject({ kind: 'refused', reason });
    for (const status of [502, 504, 520, 524])
      expect(judge(status, body)).toMatchObject({ kind: 'lost', answered: false });
  });

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['an empty object', {}],
    ['Starlette’s words', 'Internal Server Error'],
    ['a text', 'Unsupported size 640x480'],
    ['a page', '<html>503 model size unsupported</html>'],
    ['OpenAI’s words', openaiError(null, 'The server had an error while processing your request.', 'server_error')],
    [
      'LiteLLM’s words',
      { error: { message: 'litellm.APIConnectionError: no', type: 'None', param: 'None', code: '500' } },
    ],
    ['a server behind it', { error: { message: 'upstream said: invalid size', code: 'do_request_failed' } }],
    ['a model that is busy', { error: { message: 'the model is overloaded, size of the queue exceeds 100' } }],
    [
      'an answer that it could not read',
      { error: { code: 'bad_response_body', message: 'invalid response: image missing' } },
    ],
    ['a card', { detail: 'CUDA error: invalid parameter' }],
    [
      'aquiles-image when it is full',
      { detail: 'The limit of 2 concurrent tasks has been reached. Please try again later.' },
    ],
    ['the quoted prompt', { detail: `cannot process "${PROMPT}": unsupported` }],
  ])('with %s stays lost', (_name, body) => {
    for (const status of [500, 501, 503]) expect(judge(status, body)).toMatchObject({ kind: 'lost', answered: true });
  });
});

describe('a success without a task', () => {
  test.each<[string, unknown, RefusalReason]>([
    ['a quota', { error: newApiError('insufficient_user_quota', 'no').error }, 'no credit'],
    ['new-api’s code alone', { code: 'insufficient_user_quota', message: 'no', data: null }, 'no credit'],
    ['a text', { error: 'the image is too small' }, 'request'],
    ['a denied success', { success: false, message: 'no' }, 'request'],
    ['a failure’s code', { code: 'fail_to_fetch_task', message: 'no' }, 'request'],
    ['a number', { code: 1301, message: 'sensitive' }, 'request'],
    ['a status of HTTP’s', { code: 401, message: 'no' }, 'unauthenticated'],
    ['a status of HTTP’s in the error', { error: { code: 429, message: 'no' } }, 'rate limited'],
    ['an open status of HTTP’s', { code: 403, message: 'no' }, 'undecided'],
    ['a word', { status: 'error', msg: 'no' }, 'request'],
    ['an error within', { code: 0, data: { error: 'no' } }, 'request'],
    ['a code and the number of a request', { code: 'insufficient_quota', message: 'no', request_id: 'r' }, 'no credit'],
    ['the number of a request', { error: 'no', request_id: 'req_1' }, 'request'],
    ['a list of errors', { errors: [{ message: 'no' }] }, 'request'],
  ])('but with %s is refused', (_name, body, reason) => {
    expect(judge(200, body)).toMatchObject({ kind: 'refused', reason, upstream: { status: 200 } });
  });

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['an empty object', {}],
    ['good words', { code: 200, message: 'ok', success: true, error: null, data: {} }],
    ['an empty error', { error: {}, errors: [] }],
    ['a code without words', { code: 'token', type: 'moderation' }],
    ['a code beside the number of the request', { code: 'Unheard.Of', message: 'no', request_id: 'r' }],
    ['null', null],
    ['a text', '"queued"'],
  ])('and with %s is lost', (_name, body) => {
    const message = expect.stringMatching(/^the answer (?:is no JSON|names neither a task nor an error)$/);
    expect(judge(200, body)).toEqual({ kind: 'lost', answered: true, upstream: { status: 200, message } });
  });

  test('is not quoted where it says an error without words', () => {
    const others = [{ prompt: 'a secret of another caller' }, {}];
    const outcome = judge(200, { success: false, data: others });
    expect(outcome).toEqual({ kind: 'refused', reason: 'request', upstream: { status: 200 }, retryAfterMs: undefined });
  });
});

describe('a success with a task', () => {
  test.each<[string, unknown, string]>([
    ['OpenAI', { id: 'video_1', object: 'video', status: 'queued', error: null }, 'video_1'],
    ['a task that has failed already', { id: 'video_1', status: 'failed', error: { message: 'no' } }, 'video_1'],
    ['new-api', { id: 'task_1', task_id: 'task_1', object: 'video', status: 'queued' }, 'task_1'],
    ['new-api’s older relay', { code: 'success', message: '', data: { task_id: 'task_1' } }, 'task_1'],
    ['OpenRouter', { id: 'gen-vid-1', generation_id: 'gen-1', polling_url: '/x', status: 'pending' }, 'gen-vid-1'],
    ['xAI', { request_id: 'd97415a1-5796' }, 'd97415a1-5796'],
    ['Kling', { code: 0, message: 'SUCCEED', request_id: 'r', data: { task_id: 't', task_status: 'submitted' } }, 't'],
    ['DashScope', { request_id: 'r', output: { task_id: 't', task_status: 'PENDING' } }, 't'],
    ['a clip of its own beside it', { task_id: 't', video: { id: 'file_1' } }, 't'],
  ])('as %s says it has started', (_name, body, taskId) => {
    expect(judge(200, body)).toMatchObject({ kind: 'started', taskId });
  });
});

describe('a redirect', () => {
  test.each([
    ['/v1/videos', 'to https://api.example/v1/videos: the account’s base URL should be https://api.example'],
    [
      'http://other.example:81/v1/videos?token=secret',
      'to http://other.example:81/v1/videos: the account’s base URL should be http://other.example:81',
    ],
    [
      'https://u:p@api.example/login?next=1',
      'to https://api.example/login: the account’s base URL should be one that leads there by itself',
    ],
    ['', 'and does not say where to: the account’s base URL should be one that leads there by itself'],
  ])('to "%s" names the place without secrets', (location, said) => {
    const message = `the upstream redirects creates ${said.replace('’', "'")}`;
    const headers: Record<string, string> = location === '' ? {} : { location };
    for (const status of [301, 302, 303, 307, 308]) {
      expect(judge(status, '', headers)).toEqual({ kind: 'refused', reason: 'request', upstream: { status, message } });
    }
  });

  test.each([
    [302, '/relay/v1/videos/video_1'],
    [303, 'https://api.example/relay/v1/videos/video_1?expand=1'],
  ])('of status %d to %s may lead to the task that was made', (status, location) => {
    expect(judge(status, '', { location })).toMatchObject({ kind: 'lost', answered: true, upstream: { status } });
  });

  test.each([
    [303, '/relay/v1/videos/'],
    [307, '/relay/v1/videos/video_1'],
    [303, '/login?next=/relay/v1/videos/video_1'],
  ])('of status %d to %s made nothing', (status, location) => {
    expect(judge(status, '', { location })).toMatchObject({ kind: 'refused', reason: 'request' });
  });
});
