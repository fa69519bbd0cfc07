/** The a4f face: an answer that comes with the clip inside, and what can be wrong with it. */

import { readVideoBody } from '../../src/net/base64/video-body.ts';
import { MODELS, videoAnswer } from '../../src/wire/a4f.ts';
import { readClip, topLevelBoxes } from './mp4-reader.ts';
import { closeSandboxes, readJson, type SandboxClient, startFast } from './sandbox-client.ts';

let sandbox: SandboxClient;
let client: SandboxClient;
beforeEach(async () => {
  sandbox = await startFast();
  client = sandbox.under('/a4f');
});
afterEach(closeSandboxes);

const PATH = '/v1/video/generations';
const ONE_SECOND = { model: 'provider-2/veo-fast', prompt: 'A paper boat', quality: '720p', duration: 1 };
const create = (body: object = ONE_SECOND) => client.post(PATH, body);

interface Answer {
  created: number;
  data: { b64_json: string; url: null; revised_prompt: null }[];
}

async function clipOf(response: Response): Promise<Buffer> {
  const { data } = await readJson<Answer>(response);
  return Buffer.from(data[0]?.b64_json ?? '', 'base64');
}

const refusal = (code: string, param: string | null = null, type = 'invalid_request_error') => ({
  error: { message: expect.any(String), type, param, code },
});

describe('an answer', () => {
  test('comes with the clip when it was completed', async () => {
    const response = await create({ ...ONE_SECOND, duration: 2, ratio: '3:4' });
    const text = await response.text();
    const answer: Answer = JSON.parse(text);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('content-length')).toBe(String(text.length));
    expect(answer).toEqual({
      created: expect.any(Number),
      data: [{ b64_json: expect.any(String), url: null, revised_prompt: null }],
    });
    const clip = Buffer.from(answer.data[0]?.b64_json ?? '', 'base64');
    expect(await readClip(clip)).toMatchObject({ durationSeconds: 2, width: 360, height: 480 });
    const [task] = (await sandbox.bill()).tasks;
    expect(task).toMatchObject({ provider: 'a4f', state: 'completed', costMicroUsd: 240_000 });
    expect(answer.created).toBeGreaterThanOrEqual(Math.floor(Date.parse(task?.createdAt ?? '') / 1000));
  });

  test('is upright where no ratio is named', async () => {
    expect(await readClip(await clipOf(await create()))).toMatchObject({ width: 360, height: 640 });
  });

  test.each(Object.entries(MODELS))(
    'comes from %s up to its limits (A4-13 to A4-19)',
    async (model, { maxDurationSeconds, qualities }) => {
      const most = { ...ONE_SECOND, model, duration: maxDurationSeconds, quality: qualities[0] };
      await sandbox.setFaults({ kind: 'failed_task' });
      expect((await create(most)).status).toBe(500);
      const tooLong = await create({ ...most, duration: maxDurationSeconds + 1 });
      const code = maxDurationSeconds === 8 ? 'invalid_request_error' : 'n_exceeds_model_limit';
      expect([tooLong.status, await tooLong.json()]).toEqual([400, refusal(code, 'duration')]);
      const tooSmall = await create({ ...most, quality: '480p' });
      expect([tooSmall.status, await tooSmall.json()]).toEqual([400, refusal('n_exceeds_model_limit', 'quality')]);
    },
  );

  test.each([
    [{ ...ONE_SECOND, duration: '5' }, 'duration'],
    [{ ...ONE_SECOND, duration: 2.5 }, 'duration'],
    [{ ...ONE_SECOND, duration: 0 }, 'duration'],
    [{ ...ONE_SECOND, quality: undefined }, 'quality'],
    [{ ...ONE_SECOND, quality: '4k' }, 'quality'],
    [{ ...ONE_SECOND, ratio: '21:9' }, 'ratio'],
    [{ ...ONE_SECOND, prompt: undefined }, 'prompt'],
    [{ ...ONE_SECOND, model: 'sandbox-mini' }, 'model'],
  ])('refuses %j', async (body, param) => {
    const response = await create(body);
    expect([response.status, await response.json()]).toEqual([400, refusal('invalid_request_error', param)]);
  });

  test('is a provider_error for a task that fails', async () => {
    await sandbox.setFaults({ kind: 'failed_task', message: 'the model fell over' });
    const response = await create();
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      error: { message: 'the model fell over', type: 'server_error', param: null, code: 'provider_error' },
    });
    expect((await sandbox.bill()).tasks).toMatchObject([{ state: 'failed', costMicroUsd: 0 }]);
  });
});

test('a caller that hangs up has paid for its video', async () => {
  await sandbox.post('/_sandbox/faults', { speed: 10 });
  const gone = new AbortController();
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(ONE_SECOND), signal: gone.signal };
  const answer = client.fetch(PATH, init).catch((error: Error) => error.name);
  while ((await sandbox.bill()).tasks.length === 0);
  gone.abort();
  expect(await answer).toBe('AbortError');
  const state = async () => (await sandbox.bill()).tasks[0]?.state;
  while ((await state()) === 'processing');
  expect((await sandbox.bill()).tasks).toMatchObject([{ state: 'completed', costMicroUsd: 120_000 }]);
});

describe('a lost answer', () => {
  test.each([
    ['now', 1],
    ['never', 0],
  ])('is billed when recorded %s', async (recorded, tasks) => {
    await sandbox.setFaults({ kind: 'lost_create_answer', answer: 'reset', recorded, count: 1 });
    await expect(create()).rejects.toThrow('fetch failed');
    const bill = (await sandbox.bill()).tasks;
    expect(bill.map(({ state, costMicroUsd }) => [state, costMicroUsd])).toEqual(
      Array.from({ length: tasks }, () => ['completed', 120_000]),
    );
  });
});

describe('a faulty result', () => {
  test('can be cut off in the middle of the JSON', async () => {
    const whole = await (await create()).text();
    await sandbox.setFaults({ kind: 'cut_result', atFraction: 0.5 });
    const cut = await create();
    expect(cut.headers.get('content-length')).toBe(String(whole.length));
    await expect(cut.text()).rejects.toThrow('terminated');
  });

  test('can be absent', async () => {
    await sandbox.setFaults({ kind: 'no_result' });
    expect(await readJson(await create())).toEqual({ created: expect.any(Number), data: [] });
    expect((await sandbox.bill()).tasks).toMatchObject([{ state: 'completed', costMicroUsd: 120_000 }]);
  });

  test('can be a page instead of a clip', async () => {
    await sandbox.setFaults({ kind: 'html_result' });
    expect((await clipOf(await create())).toString()).toContain('<html>');
  });

  test.each([0.3, 0.5, 0.7])('can end at %d of the clip', async (atFraction) => {
    const { length } = await clipOf(await create());
    await sandbox.setFaults({ kind: 'truncated_result', atFraction });
    const clip = await clipOf(await create());
    expect(clip.length).toBe(Math.floor(length * atFraction));
    expect(() => topLevelBoxes(clip)).toThrow('the boxes end at');
  });

  test('can come slowly and whole', async () => {
    const usual = await (await create()).text();
    await sandbox.setFaults({ kind: 'slow_result', bytesPerSecond: usual.length * 5 });
    expect((await readJson<Answer>(await create())).data).toEqual(JSON.parse(usual).data);
  });

  test('can be an error although it was made', async () => {
    await sandbox.setFaults({ kind: 'http_error', on: 'result', status: 503 });
    const response = await create();
    expect([response.status, await response.json()]).toEqual([503, refusal('provider_error', null, 'server_error')]);
    expect((await sandbox.bill()).tasks).toMatchObject([{ state: 'completed' }]);
  });

  test('can be as large as 100 MB, never held as a whole', async () => {
    const sizeBytes = 100_000_000;
    await sandbox.setFaults({ kind: 'large_result', sizeBytes });
    const response = await create();
    const clip = readVideoBody(response.body ?? new ReadableStream());
    const before = process.memoryUsage().arrayBuffers;
    let received = 0;
    let mostHeld = 0;
    let piece = await clip.next();
    for (; !piece.done; piece = await clip.next()) {
      received += piece.value.length;
      mostHeld = Math.max(mostHeld, process.memoryUsage().arrayBuffers - before);
    }
    expect(received).toBe(sizeBytes);
    expect(videoAnswer.parse(piece.value.body).data).toEqual([{ b64_json: null, url: null, revised_prompt: null }]);
    // Server and client are this one process: all that is on its way between them is counted, and garbage with it.
    expect(mostHeld).toBeLessThan(64 * 1024 * 1024);
  });
});
