/** A manifest of this machine on its way to the gateway: as it was written, but for the images that are uploaded. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayClient } from '../../src/client/gateway-client.ts';
import { withManifest } from '../../src/client/manifest.ts';
import { sendOnce } from '../../src/client/send-once.ts';
import { cut, json, type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';

let server: ScriptedServer;
let gateway: GatewayClient;
let folder = '';
let notes = '';

beforeEach(async () => {
  server = await startScriptedServer();
  gateway = new GatewayClient({ url: server.origin, apiKey: 'cy_key' }, new AbortController().signal);
  folder = mkdtempSync(join(tmpdir(), 'clipyard-manifest-test-'));
  notes = '';
  let files = 0;
  server.script = (response, request) => {
    if (request.path !== '/openai/v1/files') return json(200, {})(response, request);
    files += 1;
    json(200, { id: `file-${files}` })(response, request);
  };
});
afterEach(async () => {
  await gateway.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

/** What the gateway receives of it. */
async function send(name: string): Promise<{ readonly body: string | undefined; readonly type: string | undefined }> {
  const write = (text: string | Uint8Array) => {
    notes += text;
    return true;
  };
  const output = { isJson: false, notes: { write }, show: () => {} };
  await withManifest({ gateway, output }, join(folder, name), async (body) => {
    await sendOnce(gateway, 'key', () => gateway.ask({ method: 'POST', path: '/batches', body }));
  });
  const last = server.received.at(-1);
  return { body: last?.body, type: last?.headers['content-type'] };
}

const uploads = () => server.received.filter(({ path }) => path === '/openai/v1/files').map(({ body }) => body);

test('without local images the bytes are those of the file, by the type of its name', async () => {
  const csv = 'model,prompt,image\r\n\r\nm,"a ""quoted"" fox",https://pictures.example/1.png\r\n';
  write('clips.csv', csv);
  expect(await send('clips.csv')).toEqual({ body: csv, type: 'text/csv' });
  const lines =
    '{"model": "m", "input_images": [{"url":"https://pictures.example/1.png"}]}\n\n not JSON "input_images"';
  write('clips.jsonl', lines);
  expect(await send('clips.jsonl')).toEqual({ body: lines, type: 'application/jsonl' });
  write('broken.csv', 'model,image\nm,"a.png\n');
  expect((await send('broken.csv')).body).toBe('model,image\nm,"a.png\n');
  expect(uploads()).toEqual([]);
});

test('images are uploaded once each for a day, and each line keeps its number', async () => {
  mkdirSync(join(folder, 'pictures'));
  write('pictures/a.png', 'picture a');
  write('pictures/b.png', 'picture b');
  write('clips.csv', '\nprompt,image,seed\n\n\n"two\nlines",pictures/a.png,1\nx,./pictures/a.png,\n"y, z",,2\n');
  expect((await send('clips.csv')).body).toBe('\nprompt,image,seed\n\n\n"two\nlines",file-1,1\nx,file-1,\n"y, z",,2\n');
  expect(uploads()).toHaveLength(1);
  expect(uploads()[0]).toMatch(
    /name="purpose"\r\n\r\nvision\r\n[\s\S]*expires_after\[seconds\]"\r\n\r\n86400\r\n[\s\S]*picture a/,
  );

  const ours = { input_images: [{ url: 'pictures/b.png' }, 'pictures/b.png', { b64_json: 'eA==' }] };
  const theirs = { custom_id: 'c', body: { input_reference: { image_url: 'pictures/b.png' } } };
  write('clips.jsonl', `${JSON.stringify(ours)}\n\n{\n${JSON.stringify(theirs)}`);
  expect((await send('clips.jsonl')).body?.split('\n')).toEqual([
    '{"input_images":[{"file_id":"file-2"},{"file_id":"file-2"},{"b64_json":"eA=="}]}',
    '',
    '{',
    '{"custom_id":"c","body":{"input_reference":{"file_id":"file-2"}}}',
  ]);
  expect(uploads()).toHaveLength(2);
});

test('a create whose answer is lost is sent again as the same bytes, without another upload', async () => {
  write('a.png', 'picture a');
  write('clips.csv', 'prompt,image\nx,a.png\n');
  const answer = server.script;
  let isLost = false;
  server.script = (response, request) => {
    if (request.path !== '/batches' || isLost) return answer(response, request);
    isLost = true;
    cut()(response, request);
  };
  await send('clips.csv');
  const sent = server.received.filter(({ path }) => path === '/batches').map(({ body }) => body);
  expect(sent).toEqual(['prompt,image\nx,file-1\n', 'prompt,image\nx,file-1\n']);
  expect(uploads()).toHaveLength(1);
});

test('an image that cannot be read is said, and stays as it is for the gateway to refuse', async () => {
  write('clips.csv', 'prompt,image\nx,nowhere.png\n');
  expect((await send('clips.csv')).body).toBe('prompt,image\nx,nowhere.png\n');
  expect(notes).toMatch(/nowhere\.png: ENOENT/);
});

test('a line that no manifest can have is refused before anything is sent', async () => {
  write('clips.jsonl', `{}\n${'x'.repeat(300_000)}\n`);
  await expect(send('clips.jsonl')).rejects.toThrow('line 2 of the manifest is longer than 131072 bytes');
  await expect(send('.')).rejects.toThrow(/ is no file$/);
  expect(server.received).toEqual([]);
});
