/** Lines of a manifest: images that are uploaded files, in the words of each format, and lines that cannot become clips. */

import { Readable } from 'node:stream';
import type { ReadLine } from '../../../src/domain/batch.ts';
import { Refusal } from '../../../src/domain/failure.ts';
import type { ImageInput } from '../../../src/domain/video-request.ts';
import { readManifest } from '../../../src/http/batches/manifest.ts';

const FILE: ImageInput = { kind: 'bytes', bytes: Buffer.from('png'), mediaType: 'image/png', width: 1, height: 1 };
const AT_URL = 'https://pictures.example/1.png';

async function read(format: 'jsonl' | 'csv', text: string): Promise<readonly ReadLine[]> {
  const lines: ReadLine[] = [];
  const readImage = async (id: string) => {
    if (id !== 'file-1') throw new Refusal('not_found', `there is no file ${id}`);
    return FILE;
  };
  const options = { format, isOpenai: false, trustedHosts: [], readImage };
  for await (const line of readManifest(Readable.from([Buffer.from(text)]), options)) lines.push(line);
  return lines;
}

const imagesOf = (line: ReadLine | undefined) => (line?.kind === 'create' ? line.create.draft.images : line?.invalid);
const jsonl = (line: object) => `${JSON.stringify(line)}\n`;

test("a line in airforce's words names files beside URLs, in their order", async () => {
  const images = [{ file_id: 'file-1' }, { url: AT_URL }];
  const line = { model: 'm', prompt: 'p', mode: 'reference', input_images: images };
  const [first] = await read('jsonl', jsonl(line));
  expect(imagesOf(first)).toEqual([FILE, expect.objectContaining({ kind: 'url', url: AT_URL })]);
});

test('an image of a CSV is a file or a URL', async () => {
  const lines = await read('csv', `model,prompt,image\nm,p,file-1\nm,p,${AT_URL}\n`);
  expect(lines.map(imagesOf)).toMatchObject([[FILE], [{ kind: 'url', url: AT_URL }]]);
});

test('a text of a CSV that the catalog cannot keep refuses its line alone', async () => {
  const lines = await read('csv', 'custom_id,model,prompt\n1,m,a\0b\n2,m,p\n\0,m,p\n');
  const unkept = { message: 'the body holds a text with a NUL or half of a surrogate pair' };
  expect(lines).toMatchObject([
    { kind: 'invalid', invalid: { line: 2, ...unkept } },
    { kind: 'create', create: { line: 3 } },
    { kind: 'invalid', invalid: { line: 4, ...unkept } },
  ]);
});

test('a file that is not there refuses its line, and the number of images is that of the mode', async () => {
  const line = { model: 'm', prompt: 'p', mode: 'image' };
  const text =
    jsonl({ ...line, input_images: [{ file_id: 'file-2' }] }) +
    jsonl({ ...line, input_images: [{ file_id: 'file-1' }, { file_id: 'file-1' }] });
  const lines = await read('jsonl', text);
  expect(lines.map(imagesOf)).toMatchObject([
    { line: 1, message: 'there is no file file-2' },
    { line: 2, message: expect.stringContaining('input_images') },
  ]);
});

test('a line that cannot become a clip keeps its name, and the name is taken then', async () => {
  const namesOf = (lines: readonly ReadLine[]) =>
    lines.map((line) => (line.kind === 'invalid' ? [line.customId, line.invalid.code] : line.kind));
  const create = { model: 'm', prompt: 'p' };
  const text =
    jsonl({ custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: create }) +
    jsonl({ custom_id: 'b', ...create, seconds: '4', duration_seconds: 4 }) +
    jsonl({ custom_id: 'c', ...create, startFrom: 1 }) +
    jsonl({ custom_id: 'a', ...create });
  expect(namesOf(await read('jsonl', text))).toEqual([
    ['a', 'invalid_url'],
    ['b', 'invalid_line'],
    ['c', 'invalid_line'],
    [null, 'duplicate_custom_id'],
  ]);
  expect(namesOf(await read('csv', 'custom_id,model,prompt,duration_seconds\na,m,p,four\nb,m,p,4\n'))).toEqual([
    ['a', 'invalid_line'],
    'create',
  ]);
});

test('a line that leaves a field empty is as one without it, also where it starts from another', async () => {
  const line = { model: 'm', prompt: 'p', mode: '', callback_url: '', seconds: '4', size: '', input_images: '' };
  const lines = await read('jsonl', jsonl(line) + jsonl({ ...line, startFrom: { line: 1 } }));
  expect(lines).toMatchObject([
    { kind: 'create', create: { dialect: 'openai', draft: { mode: 'text', durationSeconds: 4 } } },
    { kind: 'create', create: { startFrom: { line: 1 }, draft: { mode: 'image' } } },
  ]);
});

test('a seed that would lose digits refuses its line', async () => {
  const [ofCsv] = await read('csv', 'model,prompt,seed\nm,p,9007199254740993\n');
  expect(ofCsv).toMatchObject({ kind: 'invalid', invalid: { message: expect.stringContaining('seed') } });
  const [ofJson] = await read('jsonl', '{"model":"m","prompt":"p","seed":9007199254740993}\n');
  expect(ofJson).toMatchObject({ kind: 'invalid', invalid: { message: expect.stringContaining('lose digits') } });
});
