/** What never gets into the log. */

import { openLog } from '../../src/observe/log.ts';

function logged(write: (log: ReturnType<typeof openLog>) => void): string {
  const lines: string[] = [];
  write(openLog('info', { write: (line) => lines.push(line) }));
  return lines.join('');
}

describe('the log', () => {
  test('keys are left out wherever they stand', () => {
    const text = logged((log) => {
      log.info({ apiKey: 'k1', account: { apiKey: 'k2' }, req: { headers: { authorization: 'Bearer k3' } } }, 'hello');
      log.info({ err: new Error('refused for Bearer k4') }, 'sent Bearer k5');
      log.info({ one: { two: { three: { secret: 'a"k6\\' } } }, headers: { 'x-api-key': ['k7', 'k8'] } }, 'deep');
      log.child({ signingKey: 'k9' }).info({ rootKey: null }, 'of a child');
    });
    for (const line of text.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
    expect(text).not.toMatch(/k[1-9]/);
    expect(text).toContain('hello');
  });

  test("errors are told under Temporal's name for them as under ours", () => {
    const text = logged((log) => {
      for (const name of ['error', 'err']) log.error({ [name]: new Error('no such key') }, 'hello');
      log.warn({ error: 'Error: in words' }, 'hello');
    });
    const [theirs, ours, words] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(theirs.error).toMatchObject({ type: 'Error', message: 'no such key' });
    expect(ours.err).toMatchObject({ type: 'Error', message: 'no such key' });
    expect(words.error).toBe('Error: in words');
  });

  test.each<[string, object]>([
    ['a scheme of its own', { headers: { 'Proxy-Authorization': 'Basic dXNlcjpLRVk=', authorization: 'Key KEY' } }],
    ['a list in a list', { apiKey: [['a]', 'KEY'], 'KEY'] }],
    ['an object', { secret: { now: 'KEY', before: ['}', 'KEY'] } }],
    ['a number', { api_key: 7_355_608 }],
    ['names and values by turns', { rawHeaders: ['Host', 'h', 'X-Api-Key', 'KEY', 'Accept', '*/*'] }],
    ['pairs', { headers: [['x-goog-api-key', 'KEY']] }],
    ['names of ours', { callbackSecret: 'KEY', secretKey: 'KEY', encryptionKeys: ['KEY'], password: 'KEY' }],
    ['cookies', { cookie: 'a=b; clipyard_session=KEY', 'set-cookie': ['clipyard_session=KEY; Path=/'] }],
  ])('a key is left out as %s', (_how, fields) => {
    const text = logged((log) => log.info({ before: 1, ...fields, after: 'there' }, 'hello'));
    expect(text).not.toMatch(/KEY|7355608|dXNlcj/);
    expect(JSON.parse(text)).toMatchObject({ before: 1, after: 'there', msg: 'hello' });
  });

  test.each([
    'sent Authorization: Basic dXNlcjpLRVk=',
    'sent x-api-key: KEY',
    'sent bearer  KEY',
    'sent Bearer "KEY"',
    `answered ${JSON.stringify({ apiKey: 'KEY', headers: { authorization: 'Basic KEY' } })}`,
    `answered ${JSON.stringify({ secret: 'KEY' }, null, 2)}`,
    `answered ${JSON.stringify(JSON.stringify({ 'api-key': 'KEY' }))}`,
    "given { apiKey: 'KEY' }",
    'connect http://user:KEY@proxy.example:3128/ refused',
    'see https://h/x?token=KEY and https://h/y?X-Goog-Signature=KEY&sig=KEY',
    'see https%3A%2F%2Fh%2Fx%3Fsignature%3DKEY',
    'signed by whsec_KEYKEYKEYKEYKEYKEY',
    'Incorrect API key provided: sk-KEYKEYKEYKEYKEYKEY.',
  ])('a key that a text quotes is left out: %s', (quoting) => {
    const cause = new Error(quoting);
    const text = logged((log) =>
      log.info({ err: new Error('outer', { cause }), list: [quoting], after: 'there' }, quoting),
    );
    expect(text).not.toMatch(/KEY|dXNlcj/);
    expect(JSON.parse(text)).toMatchObject({ err: { type: 'Error' }, after: 'there' });
  });

  test.each([
    ['a quote that ends the text', { a: 'secret=', b: 'Bearer ', c: 'apiKey: \\', d: 'token="', e: 'x' }],
    ['a name in front of another field', { about: 'the api key', clipKey: 'videos/video_1/clip.mp4', n: 1 }],
    ['a name as an id', { videoId: 'video_token', sizeBytes: 5, tokens: null }],
  ])('%s costs nothing else', (_what, fields) => {
    expect(JSON.parse(logged((log) => log.info(fields, 'hello')))).toMatchObject({ ...fields, msg: 'hello' });
  });

  test('signatures of links are left out', () => {
    const text = logged((log) => {
      log.info(
        { url: 'http://h/media/v/clip.mp4?expires=1&signature=abc_DEF-1' },
        'see http://h/x?signature=abc_DEF-1&a=b',
      );
    });
    expect(text).not.toContain('abc_DEF-1');
    expect(text).toContain('expires=1');
    expect(text).toContain('a=b');
  });
});
