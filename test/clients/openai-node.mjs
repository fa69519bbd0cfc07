/** Every video method of the `openai` package, unmodified, against a running Clipyard; prints what each gave. */

import { createReadStream, readFileSync } from 'node:fs';
import OpenAI from 'openai';

const { url, key, image, keys } = JSON.parse(process.argv.at(-1));
const baseURL = `${url}/openai/v1`;
const clientOf = (apiKey) => new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const client = clientOf(key);
const CLIP = { model: 'sandbox-mini', prompt: 'a red fox', seconds: '1', size: '1280x720' };

/** What a call is refused with, as the package shows it. */
async function refused(call) {
  try {
    return { answered: await call() };
  } catch (error) {
    const { status, code, type, param, message } = error;
    return { name: error.constructor.name, status, code, type, param, hasRequestId: Boolean(error.requestID), message };
  }
}

/** Asks until the video has ended; every status that was seen, in order. */
async function followed(id) {
  const seen = [];
  for (;;) {
    const video = await client.videos.retrieve(id);
    if (seen.at(-1) !== video.status) seen.push(video.status);
    if (video.status !== 'queued' && video.status !== 'in_progress') return { video, seen };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function downloaded(id, query) {
  const response = await client.videos.downloadContent(id, query);
  const bytes = Buffer.from(await response.arrayBuffer());
  return { type: response.headers.get('content-type'), sizeBytes: bytes.length, head: bytes.toString('latin1', 0, 12) };
}

async function idsOf(pages) {
  const ids = [];
  for await (const video of pages) ids.push(video.id);
  return ids;
}

async function creates() {
  const dataUrl = `data:image/png;base64,${readFileSync(image, 'base64')}`;
  const text = await client.videos.create(CLIP);
  const withFile = await client.videos.create({ ...CLIP, input_reference: createReadStream(image) });
  const withDataUrl = await client.videos.create({ ...CLIP, input_reference: { image_url: dataUrl } });
  return { text, withFile, withDataUrl };
}

async function refusedImages() {
  const create = (input_reference) => refused(() => client.videos.create({ ...CLIP, input_reference }));
  return {
    privateUrl: await create({ image_url: 'http://10.0.0.1/a.png' }),
    fileId: await create({ file_id: 'file-1' }),
    notAnImage: await create(new File(['not an image'], 'a.png', { type: 'image/png' })),
  };
}

async function lists() {
  const all = await idsOf(client.videos.list({ limit: 100 }));
  const page = await client.videos.list({ limit: 2 });
  return {
    all,
    inPages: await idsOf(client.videos.list({ limit: 2 })),
    oldestFirst: await idsOf(client.videos.list({ limit: 2, order: 'asc' })),
    afterFirst: await idsOf(client.videos.list({ limit: 3, after: all[0] })),
    page: { ids: page.data.map(({ id }) => id), hasNext: page.hasNextPage() },
    refused: {
      limit: await refused(() => client.videos.list({ limit: 0 })),
      after: await refused(() => client.videos.list({ after: 'video_nobody' })),
      order: await refused(() => client.videos.list({ order: 'sideways' })),
    },
  };
}

async function unsupported(id) {
  const file = () => createReadStream(image);
  return [
    await refused(() => client.videos.edit({ prompt: 'p', video: { id } })),
    await refused(() => client.videos.edit({ prompt: 'p', video: file() })),
    await refused(() => client.videos.extend({ prompt: 'p', seconds: '4', video: { id } })),
    await refused(() => client.videos.createCharacter({ name: 'fox', video: file() })),
    await refused(() => client.videos.getCharacter('char_1')),
  ];
}

async function deletes(ended) {
  const running = await client.videos.create(CLIP);
  const early = {
    delete: await refused(() => client.videos.delete(running.id)),
    content: await refused(() => client.videos.downloadContent(running.id)),
  };
  const { video } = await followed(running.id);
  return {
    early,
    endedStatus: video.status,
    deleted: await client.videos.delete(ended),
    retrieve: await refused(() => client.videos.retrieve(ended)),
    again: await refused(() => client.videos.delete(ended)),
    remix: await refused(() => client.videos.remix(ended, { prompt: 'p' })),
  };
}

async function errors() {
  const create = (changes, apiKey = key, options = {}) =>
    refused(() => clientOf(apiKey).videos.create({ ...CLIP, ...changes }, options));
  const headers = { 'Idempotency-Key': 'k-1' };
  const [first, same] = [await create({}, key, { headers }), await create({}, key, { headers })];
  await create({}, keys.narrow);
  return {
    key: await create({}, 'stranger'),
    model: await create({ model: 'no-such-model' }),
    noModel: await create({ model: undefined }),
    noPrompt: await create({ prompt: undefined }),
    seconds: await create({ seconds: '99' }),
    size: await create({ size: '1x1' }),
    credit: await create({}, keys.poor),
    foreign: await create({ model: 'wan-2.6', seconds: '5' }, keys.limited),
    unknown: await refused(() => client.videos.retrieve('video_nobody')),
    othersVideo: await refused(() => clientOf(keys.poor).videos.retrieve(first.answered.id)),
    isSame: first.answered.id === same.answered.id,
    mismatch: await create({ prompt: 'another' }, key, { headers }),
    limit: await create({}, keys.narrow),
  };
}

const created = await creates();
const ended = await followed(created.text.id);
const withImage = await followed(created.withFile.id);
await followed(created.withDataUrl.id);
const { id } = created.text;
const contents = {
  byDefault: await downloaded(id),
  video: await downloaded(id, { variant: 'video' }),
  thumbnail: await downloaded(id, { variant: 'thumbnail' }),
  spritesheet: await downloaded(id, { variant: 'spritesheet' }),
  unknown: await refused(() => client.videos.downloadContent(id, { variant: 'hologram' })),
};
const remix = await client.videos.remix(created.withFile.id, { prompt: 'at night' });
const remixed = await followed(remix.id);
const listed = await lists();
const found = {
  created,
  ended,
  withImage,
  refusedImages: await refusedImages(),
  contents,
  remix,
  remixed,
  listed,
  unsupported: await unsupported(id),
  deletes: await deletes(id),
  errors: await errors(),
  models: await idsOf(client.models.list()),
  model: await client.models.retrieve('sandbox-mini'),
  noModel: await refused(() => client.models.retrieve('vendor/none')),
};
console.log(JSON.stringify(found));
