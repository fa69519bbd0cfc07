/** The examples of infrai's page, run as they are printed, and what its sections say they return. */

import { ROOT_KEY } from '../system/clipyard-process.ts';
import { curlExamples, readPage, sectionOf } from './documents.ts';
import { download, type Examples, played, startExamples } from './running-clipyard.ts';

const HOST = 'https://api.infrai.cc';
const page = readPage('infrai');
const METHODS = [...page.matchAll(/^video\.(\w+)$/gm)].map(([heading]) => heading);
const AFTER = [...METHODS, 'All capabilities', 'End-to-end example'];
const WALK = curlExamples(sectionOf(page, 'End-to-end example', []));

let clipyard: Examples;
let jobId: string;

/** Runs a command about a job: the page writes ID where one has to be. */
function run(command: string, id = jobId) {
  const here = command.replaceAll(HOST, clipyard.url).replace(/\/ID(?= )/, `/${id}`);
  return clipyard.curl(here, { INFRAI_API_KEY: ROOT_KEY });
}

/** The one command of a method's section. */
function commandOf(method: string): string {
  const [command = ''] = curlExamples(sectionOf(page, `video.${method}`, AFTER));
  return command;
}

/** The fields that a method's section says it returns; those that may be missing end in a question mark. */
function returnsOf(method: string): readonly string[] {
  const [, named = ''] = /\nReturns\n\n(.*)/.exec(sectionOf(page, `video.${method}`, AFTER)) ?? [];
  const [, fields] = /^\w* ?\{ (.*) \}$/.exec(named) ?? [];
  return fields === undefined
    ? returnsOf('generate')
    : fields.split(/, (?![^<]*>)/).map((one) => one.replace(/:.*/, ''));
}

/** Every field that has to be there, and no other than the section names. */
function expectReturned(method: string, body: object): void {
  const fields = returnsOf(method);
  const keys = Object.keys(body);
  expect(fields.map((name) => name.replace('?', ''))).toEqual(expect.arrayContaining(keys));
  expect(keys).toEqual(expect.arrayContaining(fields.filter((name) => !name.endsWith('?'))));
}

beforeAll(async () => {
  clipyard = await startExamples();
  const { body } = await run(commandOf('generate'), '');
  jobId = String(body['job_id']);
  await clipyard.ended(jobId);
}, 300_000);
afterAll(async () => {
  await clipyard?.close();
});

test('the page has ten methods with a command each, and a walk of eight (IN-31)', () => {
  expect(METHODS.map((heading) => curlExamples(sectionOf(page, heading, AFTER)).length)).toEqual(Array(10).fill(1));
  expect(WALK).toHaveLength(8);
});

test('the command for any capability works for one (IN-01, IN-02)', async () => {
  const [command = ''] = curlExamples(page);
  expect(await run(command.replace('/...', '/capabilities'))).toMatchObject({ status: 200 });
  const stranger = await clipyard.curl(command.replace(`${HOST}/v1/video/...`, `${clipyard.url}/v1/video/list`));
  expect(stranger).toMatchObject({ status: 401, body: { error: { code: 'UNAUTHENTICATED' } } });
});

test('generate starts the job of its command (IN-05, IN-06, IN-08 to IN-11, IN-14)', async () => {
  const { status, body } = await run(commandOf('generate'));
  expect(status).toBe(200);
  expect(body).toMatchObject({ state: 'queued' });
  expectReturned('generate', body);
  const { request } = await clipyard.ended(body['job_id']);
  expect(request).toMatchObject({ mode: 'text', durationSeconds: 5, aspectRatio: '16:9', quality: '1080p' });
});

test.each(['status', 'get'])('%s shows a completed job (IN-13, IN-15, IN-18, IN-35)', async (method) => {
  const { status, body } = await run(commandOf(method));
  expect(status).toBe(200);
  expect(body).toMatchObject({ job_id: jobId, state: 'completed' });
  expectReturned(method, body);
  expect(await played(await download(body['video_url']))).toMatchObject({ durationSeconds: 5 });
});

test('get tells the length, the resolution, the vendor and the model (IN-18, X16)', async () => {
  expect((await run(commandOf('get'))).body).toMatchObject({
    duration_seconds: 5,
    resolution: '1080p',
    vendor: 'airforce',
    model: expect.any(String),
  });
});

test('cancel takes the body of its command and says whether it came in time (IN-16, IN-17)', async () => {
  expect(await run(commandOf('cancel'))).toEqual({ status: 200, body: { ok: false } });
  const { body } = await run(commandOf('generate'));
  expect(await run(commandOf('cancel'), String(body['job_id']))).toEqual({ status: 200, body: { ok: true } });
});

test('list shows the jobs, and pages by cursor (IN-19 to IN-21)', async () => {
  const { status, body } = await run(commandOf('list'));
  expect(status).toBe(200);
  expectReturned('list', body);
  const items = body['items'] as { job_id: string }[];
  expect(items.map(({ job_id }) => job_id)).toContain(jobId);
  const first = await clipyard.get('/v1/video/list?limit=1');
  const second = await clipyard.get(`/v1/video/list?limit=1&cursor=${first.body['next_cursor']}`);
  expect([first, second].map((one) => one.body['items'])).toEqual([items.slice(0, 1), items.slice(1, 2)]);
});

test('download_url gives a link that plays (IN-25)', async () => {
  const { status, body } = await run(commandOf('download_url'));
  expect(status).toBe(200);
  expectReturned('download_url', body);
  expect(new Date(String(body['expires_at'])).getTime()).toBeGreaterThan(Date.now());
  expect(await played(await download(body['url']))).toMatchObject({ durationSeconds: 5 });
});

test('set_retention refuses the days of its command with the range, and takes others (IN-26 to IN-29, X12, X14)', async () => {
  const refused = await run(commandOf('set_retention'));
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({ error: { code: 'INVALID_REQUEST', message: expect.stringContaining('90') } });
  const { status, body } = await run(commandOf('set_retention').replace('"days": 0', '"days": 90'));
  expect(status).toBe(200);
  expect(body).toMatchObject({ job_id: jobId, retention_days: 90 });
  expectReturned('set_retention', body);
});

test('capabilities lists vendors (IN-30)', async () => {
  const { status, body } = await run(commandOf('capabilities'));
  expect(status).toBe(200);
  expectReturned('capabilities', body);
  const [, fields = ''] = /Array<\{ (.*?) \}>/.exec(sectionOf(page, 'video.capabilities', AFTER)) ?? [];
  const [vendor = {}] = body['vendors'] as object[];
  expect(Object.keys(vendor)).toEqual(fields.split(', '));
});

test('the end-to-end walk ends where what it downloads was deleted (IN-22, IN-24, IN-33)', async () => {
  const answers = [];
  let id = '';
  for (const command of WALK) {
    const answer = await run(command, id);
    id ||= String(answer.body['job_id']);
    answers.push(answer);
  }
  const [generated, polled, cancelled, got, listed, deleted, all, last] = answers;
  expect(generated).toEqual({ status: 200, body: { job_id: id, state: 'queued' } });
  expect(polled).toMatchObject({ status: 200, body: { job_id: id } });
  expect(cancelled).toEqual({ status: 200, body: { ok: true } });
  expect(got).toMatchObject({ status: 200, body: { job_id: id, duration_seconds: 5, resolution: '1080p' } });
  expect(listed).toMatchObject({
    status: 200,
    body: { items: expect.arrayContaining([expect.objectContaining({ job_id: id })]) },
  });
  expect(deleted).toEqual({ status: 200, body: { ok: true } });
  expect(all).toEqual({ status: 200, body: { deleted: expect.any(Number) } });
  expect(last).toEqual({ status: 404, body: { error: { code: 'NOT_FOUND', message: expect.any(String) } } });
  expect((await clipyard.get('/v1/video/list')).body).toEqual({ items: [] });
});
