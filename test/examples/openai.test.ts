/** The examples of the page of OpenAI-style videos, run as they are printed, at both of its routes. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCanvas } from '@napi-rs/canvas';
import { ROOT_KEY } from '../system/clipyard-process.ts';
import { curlExamples, jsonExamples, kindsOf, readPage } from './documents.ts';
import { type Examples, played, startExamples } from './running-clipyard.ts';

const HOST = 'https://api.apifree.ai';
const page = readPage('apifree');
const [jsonCurl = '', formCurl = ''] = curlExamples(page);
const [answer = {}] = jsonExamples(page);
const ALIAS = /POST (\/v1\/\w+\/videos)/.exec(page)?.[1] ?? '';

let clipyard: Examples;
let image: string;
beforeAll(async () => {
  clipyard = await startExamples();
  image = join(clipyard.dataDir, 'reference.png');
  const canvas = createCanvas(1280, 720);
  canvas.getContext('2d').fillRect(200, 200, 400, 300);
  await writeFile(image, await canvas.encode('png'));
}, 300_000);
afterAll(async () => {
  await clipyard?.close();
});

function run(command: string, { path = '/v1/videos', key = ROOT_KEY } = {}) {
  const here = command.replace(`${HOST}/v1/videos`, clipyard.url + path).replace('YOUR_API_KEY', key);
  return clipyard.curl(here.replace('/path/to/reference.png', image));
}

test('the page has two commands, an answer and an alias (OV-02)', () => {
  expect([curlExamples(page).length, jsonExamples(page).length, ALIAS]).toEqual([2, 1, '/v1/openai/videos']);
});

describe.each(['/v1/videos', '/v1/openai/videos'])('at %s', (path) => {
  test.each([
    ['JSON', jsonCurl, 'text'],
    ['form', formCurl, 'image'],
  ])(
    'the command in %s makes the video that it describes (OV-01 to OV-03, OV-08 to OV-10, OV-12 to OV-22)',
    async (_, command, mode) => {
      const { status, body } = await run(command, { path });
      expect(status).toBe(200);
      expect(kindsOf(body)).toMatchObject(kindsOf(answer));
      const { id: _id, created_at: _created, ...facts } = answer;
      expect(body).toMatchObject({ ...facts, id: expect.stringMatching(/^video_/) });
      const video = await clipyard.ended(body['id']);
      expect(video).toMatchObject({ state: 'completed', dialect: 'openai', request: { mode, durationSeconds: 8 } });
      const { body: read } = await clipyard.get(`${path}/${body['id']}`);
      expect(read).toMatchObject({
        id: body['id'],
        status: 'completed',
        progress: 100,
        seconds: '8',
        size: '1280x720',
      });
      const headers = { authorization: `Bearer ${ROOT_KEY}` };
      const content = await fetch(`${clipyard.url}${path}/${body['id']}/content`, { headers });
      const clip = await played(Buffer.from(await content.arrayBuffer()));
      expect(clip).toMatchObject({ durationSeconds: 8 });
      expect(clip.width * 9).toBe(clip.height * 16);
    },
  );
});

test.each([
  ['without a model', jsonCurl.replace(/"model": .*/, ''), 400, 'invalid_request'],
  ['with an unknown model', jsonCurl.replace('video-model-id', 'nothing'), 400, 'model_not_found'],
  ['without a prompt', jsonCurl.replace(/"prompt": .*/, ''), 400, 'invalid_request'],
  ['without its last brace', jsonCurl.replace("}'", "'"), 400, 'invalid_request'],
  ['as a form without a prompt', formCurl.replace(/-F "prompt=.*/, '\\'), 400, 'invalid_request'],
  ['as a form without a boundary', jsonCurl.replace('application/json', 'multipart/form-data'), 400, 'invalid_request'],
  ['as another type', jsonCurl.replace('application/json', 'text/plain'), 415, 'unsupported_media_type'],
])('a command %s is refused (OV-05 to OV-07, OV-23)', async (_, command, status, code) => {
  expect(await run(command)).toMatchObject({ status, body: { error: { code } } });
});

test('a command with a bad key is refused (OV-04, OV-23)', async () => {
  expect(await run(jsonCurl, { key: 'stranger' })).toMatchObject({
    status: 401,
    body: { error: { code: 'invalid_api_key' } },
  });
});

test('what the upstream refuses is told in the video (OV-23, X22)', async () => {
  await clipyard.setFaults({ kind: 'http_error', on: 'create', status: 400, count: 1 });
  const { body } = await run(jsonCurl);
  await clipyard.ended(body['id']);
  const { body: read } = await clipyard.get(`/v1/videos/${body['id']}`);
  expect(read).toMatchObject({ status: 'failed', error: { code: 'upstream_refused', message: expect.any(String) } });
});
