/** Files and batches by the `openai` package, unmodified, against a running Clipyard; prints what each gave. */

import { createReadStream } from 'node:fs';
import OpenAI, { toFile } from 'openai';

const { url, key, image } = JSON.parse(process.argv.at(-1));
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const BODY = { model: 'sandbox-mini', prompt: 'a red fox', seconds: '1', size: '1280x720' };

const lineOf = (custom_id, more = {}, body = {}) =>
  JSON.stringify({ custom_id, method: 'POST', url: '/v1/videos', body: { ...BODY, ...body }, ...more });

async function upload(lines) {
  return await client.files.create({
    file: await toFile(Buffer.from(lines.join('\n')), 'clips.jsonl'),
    purpose: 'batch',
  });
}

const submit = (file, more = {}) =>
  client.batches.create({ input_file_id: file.id, endpoint: '/v1/videos', completion_window: '24h', ...more });

async function followed(id) {
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (!['validating', 'in_progress', 'finalizing', 'cancelling'].includes(batch.status)) return batch;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function linesOf(id) {
  if (id === null) return [];
  const text = await (await client.files.content(id)).text();
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const picture = await client.files.create({ file: createReadStream(image), purpose: 'vision' });
const pictured = { input_reference: { file_id: picture.id } };
const single = await client.videos.create({ ...BODY, prompt: 'from a file', ...pictured });
const file = await upload([lineOf('one'), '', lineOf('two'), lineOf('three', {}, pictured)]);
const processed = await client.files.waitForProcessing(file.id);
const created = await submit(file, { metadata: { film: 'foxes' } });
const repeated = await submit(file);
const ended = await followed(created.id);
const bad = await submit(await upload([lineOf('one'), lineOf('one'), lineOf('four', { url: '/v1/chat' }), '{']));
const lenient = await followed(
  (await submit(await upload([lineOf('five'), '{']), { metadata: { on_invalid_line: 'skip' } })).id,
);
const long = await submit(await upload(Array.from({ length: 40 }, (_, n) => lineOf(`n${n}`))));
const cancelling = await client.batches.cancel(long.id);
const cancelled = await followed(long.id);
const listed = [];
for await (const { id } of client.batches.list({ limit: 2 })) listed.push(id);
const files = [];
for await (const { id } of client.files.list({ purpose: 'batch', limit: 2 })) files.push(id);
const output = await linesOf(ended.output_file_id);
const errors = await linesOf(lenient.error_file_id);
const cancelledErrors = await linesOf(cancelled.error_file_id);
const deleted = await client.files.delete(file.id);
const gone = await client.files.retrieve(file.id).catch(({ status, code }) => ({ status, code }));
console.log(
  JSON.stringify({
    ...{ file, processed, created, ended, bad, lenient, cancelling, cancelled, listed, files, output, errors },
    ...{ single, deleted, gone, isRepeat: repeated.id === created.id, cancelledErrors: cancelledErrors.length },
  }),
);
