/** The examples of api.airforce's pages, both revisions, run as they are printed. */

import { ROOT_KEY } from '../system/clipyard-process.ts';
import { curlExamples, eventExamples, functionExamples, jsonExamples, kindsOf, readPage } from './documents.ts';
import { download, type Examples, played, startExamples } from './running-clipyard.ts';

const HOST = 'https://api.airforce';
const KEY = 'sk-air-YOUR_API_KEY';
const LAST_MESSAGE = 'the model fell over';

let clipyard: Examples;
beforeAll(async () => {
  clipyard = await startExamples();
}, 300_000);
afterAll(async () => {
  await clipyard?.close();
});

describe.each([
  { page: 'airforce-current', prefix: '', ending: ['state', 'done'] },
  { page: 'airforce-older', prefix: '/airforce-2024', ending: ['completed'] },
])('the page $page', ({ page, prefix, ending }) => {
  const text = readPage(page);
  const [createAnswer = {}, readAnswer = {}] = jsonExamples(text);
  const [textCurl = '', imageCurl = '', listCurl = ''] = curlExamples(text);
  const here = (example: string) => example.replaceAll(HOST, clipyard.url + prefix).replaceAll(KEY, ROOT_KEY);
  const tasks = `${prefix}/v1/video/tasks`;

  /** The events of a task's stream, whole. */
  async function follow(id: unknown) {
    const headers = { authorization: `Bearer ${ROOT_KEY}` };
    return eventExamples(await (await fetch(`${clipyard.url}${tasks}/${id}/stream`, { headers })).text());
  }

  test('has three commands, two answers, a stream and a program', () => {
    expect([curlExamples(text), jsonExamples(text), functionExamples(text)].map(({ length }) => length)).toEqual([
      3, 2, 1,
    ]);
    expect(
      eventExamples(text)
        .map(({ event }) => event)
        .slice(-ending.length),
    ).toEqual(ending);
  });

  test('makes the text video of its command, which ends as its answers say (AF-18, AF-20 to AF-26, AF-34, AO-08, AO-12)', async () => {
    const { status, body } = await clipyard.curl(here(textCurl));
    expect(status).toBe(200);
    expect(kindsOf(body)).toEqual(kindsOf(createAnswer));
    const { model, status: word, cost_cents, progress } = createAnswer;
    expect(body).toMatchObject({ model, status: word, cost_cents, ...(progress !== undefined && { progress }) });
    expect(Number(body['expires_at']) - Number(body['created'])).toBe(86_400);
    await clipyard.ended(body['task_id']);
    const { body: task } = await clipyard.get(`${tasks}/${body['task_id']}`);
    expect(kindsOf(task)).toMatchObject(kindsOf(readAnswer));
    const { result_url: _link, thumbnail_url: _poster, task_id: _id, expires_at: _expiry, ...facts } = readAnswer;
    expect(task).toMatchObject({ ...facts, task_id: body['task_id'], expires_at: body['expires_at'] });
    expect(await played(await download(task['result_url']))).toMatchObject({ durationSeconds: 8 });
    const posters = 'thumbnail_url' in readAnswer ? [await download(task['thumbnail_url'])] : [];
    expect(posters.map((poster) => poster.toString('hex', 0, 3))).toEqual(posters.map(() => 'ffd8ff'));
  });

  test('makes the image video of its command (AF-01, AF-15, AF-16, AF-19)', async () => {
    const { status, body } = await clipyard.curl(here(imageCurl));
    expect(status).toBe(200);
    expect(body).toMatchObject({ model: 'kling-1', status: 'queued' });
    expect(await clipyard.ended(body['task_id'])).toMatchObject({
      state: 'completed',
      request: { mode: 'image', durationSeconds: 5, aspectRatio: '16:9', images: [{ kind: 'url' }] },
    });
  });

  test('lists what was made, newest first, by its command (AF-39, AF-40, AO-16, AO-17)', async () => {
    const { status, body } = await clipyard.curl(here(listCurl));
    expect(status).toBe(200);
    const data = [body['data']].flat() as { model: string; created: number; status: string }[];
    expect(data.slice(0, 2).map(({ model, status: word }) => [model, word])).toEqual([
      ['kling-1', 'completed'],
      ['wan-2.6', 'completed'],
    ]);
    expect(data.map(({ created }) => created)).toEqual(data.map(({ created }) => created).toSorted((a, b) => b - a));
  });

  test('streams a task in its words to the end, and the end again (AF-30, AF-31, AF-35 to AF-38, AO-15, X24)', async () => {
    const { body } = await clipyard.curl(here(textCurl));
    const told = await follow(body['task_id']);
    const shown = eventExamples(text);
    expect(new Set(told.map(({ event }) => event))).toEqual(new Set(shown.map(({ event }) => event)));
    expect(told.map(({ event }) => event).slice(-ending.length)).toEqual(ending);
    const looks = told.filter(({ data }) => data.startsWith('{')).map(({ data }) => JSON.parse(data));
    const examples = shown.filter(({ data }) => data.startsWith('{')).map(({ data }) => JSON.parse(data));
    expect(kindsOf(looks.at(-1))).toMatchObject(kindsOf(examples.at(-1)));
    expect(looks.at(-1)).toMatchObject({ status: 'completed', progress: 100 });
    expect(looks.map(({ status }) => status)).toContain(examples[0].status);
    const percents = looks.map(({ progress }) => progress ?? 0);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(await played(await download(looks.at(-1).result_url))).toMatchObject({ durationSeconds: 8 });
    expect((await follow(body['task_id'])).map(({ event }) => event)).toEqual(ending);
  });

  test('deletes a task, once and again (AF-41, AF-42)', async () => {
    const { body } = await clipyard.get(tasks);
    const [{ task_id: id }] = body['data'] as [{ task_id: string }];
    for (const _ of ['once', 'again']) {
      const headers = { authorization: `Bearer ${ROOT_KEY}` };
      const answer = await fetch(`${clipyard.url}${tasks}/${id}`, { method: 'DELETE', headers });
      expect(await answer.json()).toEqual({ deleted: true });
    }
    const { body: after } = await clipyard.get(tasks);
    expect((after['data'] as { task_id: string }[]).map(({ task_id }) => task_id)).not.toContain(id);
  });

  test('its program resolves with a link and throws what went wrong (AF-32, AF-51, AO-13, AO-20)', async () => {
    const [program = ''] = functionExamples(text);
    const run = (after: string) =>
      clipyard.node(`const API_KEY = ${JSON.stringify(ROOT_KEY)};\n${here(program)}\n${after}`);
    const link = await run("console.log(await generateVideo('a red fox'));");
    expect(await played(await download(link))).toMatchObject({ durationSeconds: 8 });
    await clipyard.setFaults({ kind: 'failed_task', message: LAST_MESSAGE, count: 1 });
    const thrown = await run("await generateVideo('a red fox').catch((error) => console.log(error.message));");
    expect(thrown).toContain(LAST_MESSAGE);
  });
});
