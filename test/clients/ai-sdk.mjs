/** The AI SDK with its gateway provider, unmodified, against a running Clipyard; prints what each call gave. */

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createGateway } from '@ai-sdk/gateway';
import { experimental_generateVideo, experimental_getVideoStatus, experimental_startVideo } from 'ai';
import { openReceiver } from './receiver.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;
const { url, key, image, keys, receiverPort } = JSON.parse(process.argv.at(-1));
const baseURL = `${url}/v4/ai`;
const gateway = createGateway({ baseURL, apiKey: key });
const model = gateway.video('sandbox-mini');
const CLIP = { prompt: 'a red fox', duration: 1, maxRetries: 0 };
const png = readFileSync(image);

/** By itself the package fetches from public addresses only. */
async function download({ url: link }) {
  const answer = await fetch(link);
  if (!answer.ok) throw new Error(`${link}: ${answer.status}`);
  return { data: new Uint8Array(await answer.arrayBuffer()), mediaType: answer.headers.get('content-type') };
}

async function generated(options) {
  const { videos, warnings, providerMetadata, responses } = await experimental_generateVideo({
    model,
    ...CLIP,
    download,
    ...options,
  });
  const shown = videos.map(({ mediaType, uint8Array }) => ({
    mediaType,
    head: Buffer.from(uint8Array).toString('latin1', 0, 12),
  }));
  const ids = providerMetadata.clipyard.videos.map(({ id }) => id);
  return { videos: shown, warnings, ids, header: responses[0].headers['x-video-id'] };
}

/** What a call is refused with, as the package shows it. */
async function refused(call) {
  try {
    return { answered: await call() };
  } catch (error) {
    const { name, statusCode, type, isRetryable, message } = error;
    return { name, statusCode, type, isRetryable, message };
  }
}

async function settled(operation) {
  const seen = [];
  for (;;) {
    const status = await experimental_getVideoStatus(model, { operation });
    if (seen.at(-1) !== status.status) seen.push(status.status);
    if (status.status !== 'pending') return { seen, videos: status.videos, error: status.error };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function started(options) {
  const { operation, warnings } = await experimental_startVideo({ model, ...CLIP, ...options });
  return { operation, warnings };
}

/** A connection that breaks after the first start was answered: the package sends it again. */
async function startedTwice() {
  const tokens = [];
  const operations = [];
  const flaky = createGateway({
    baseURL,
    apiKey: key,
    async fetch(input, init) {
      const answer = await fetch(input, init);
      tokens.push(new Headers(init.headers).get('idempotency-key'));
      operations.push((await answer.clone().json()).operation);
      if (tokens.length > 1) return answer;
      return new Response('{"error":{"message":"lost","type":"internal_server_error"}}', { status: 502 });
    },
  });
  const options = { model: flaky.video('sandbox-mini'), maxRetries: 1, n: 2, prompt: 'started twice' };
  const { operation } = await started(options);
  return { tokens, operations, operation };
}

/** Waits to be told: which requests the package sends, what it is told, and whether the secret of the start signed that. */
async function told() {
  const receiver = await openReceiver(receiverPort);
  const requests = [];
  let job;
  const watched = createGateway({
    baseURL,
    apiKey: key,
    async fetch(input, init) {
      const answer = await fetch(input, init);
      const body = await answer.clone().json();
      const path = String(input).split('/').at(-1);
      requests.push(path === 'status' ? [path, body.status] : [path]);
      job ??= body.providerMetadata?.gateway.asyncJob;
      return answer;
    },
  });
  const webhook = async () => ({
    url: `${receiver.url}/job`,
    received: receiver.at('/job', 1).then(([{ headers, body }]) => ({ headers, body: JSON.parse(body) })),
  });
  const { videos } = await generated({ model: watched.video('sandbox-mini'), n: 2, prompt: 'told', webhook });
  const [{ headers, body }, ...more] = await receiver.at('/job', 1);
  receiver.close();
  const [, at, signature] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(headers['x-ai-gateway-signature']) ?? [];
  const expected = createHmac('sha256', job.webhookSigningSecret).update(`${at}.${body}`).digest('hex');
  return {
    ...{ videos, requests, more: more.length, isSigned: signature === expected, jobId: job.jobId },
    ...{ event: JSON.parse(body), deliveryId: headers['x-ai-gateway-idempotency-key'] },
  };
}

/** Leaves while the long answer is open; the video has to go on. */
async function left() {
  const controller = new AbortController();
  const own = createGateway({
    baseURL,
    apiKey: key,
    async fetch(input, init) {
      const answer = await fetch(input, init);
      setTimeout(() => controller.abort(), 50);
      own.id = answer.headers.get('x-video-id');
      return answer;
    },
  });
  const options = { model: own.video('sandbox-mini'), abortSignal: controller.signal };
  const { name } = await refused(() => generated(options));
  return { name, id: own.id, ...(await settled({ videos: [own.id] })) };
}

async function errors() {
  const as = (apiKey, id = 'sandbox-mini') => createGateway({ baseURL, apiKey }).video(id);
  const generate = (options) => refused(() => generated(options));
  return {
    key: await generate({ model: as('stranger') }),
    startKey: await refused(() => started({ model: as('stranger') })),
    model: await generate({ model: as(key, 'vendor/no-such-model') }),
    duration: await generate({ duration: 99 }),
    count: await generate({ n: 99 }),
    foreign: await generate({ model: as(keys.limited, 'wan-2.6'), duration: 5 }),
    credit: await generate({ model: as(keys.poor) }),
    operation: await refused(() => settled({ videos: ['video_nobody'] })),
    nonsense: await refused(() => settled('nonsense')),
    limit: [
      await refused(() => started({ model: as(keys.narrow) })),
      await refused(() => started({ model: as(keys.narrow) })),
    ][1],
  };
}

const token = { 'idempotency-key': 'my-own-token' };
const asked = { fps: 24, aspectRatio: '16:9', resolution: '1280x720', seed: 7, generateAudio: true };
const providerOptions = { airforce: { style: 'film' }, gateway: { order: ['x'] } };
const found = {
  models: (await gateway.getAvailableModels()).models,
  long: await generated({}),
  polled: await generated({ n: 2, poll: { intervalMs: 100 } }),
  withImage: await generated({ prompt: { image: png, text: 'from an image' } }),
  withFrames: await generated({
    prompt: 'from frames',
    frameImages: [
      { image: png, frameType: 'first_frame' },
      { image: png, frameType: 'last_frame' },
    ],
  }),
  withReferences: await generated({ prompt: 'from references', inputReferences: [png, png] }),
  withOptions: await generated({ ...asked, prompt: 'with options', providerOptions }),
  told: await told(),
  started: await started({ webhookUrl: 'https://hooks.example/1' }),
  defaultDownload: await refused(() => generated({ download: undefined })),
  startedTwice: await startedTwice(),
  sameToken: [await started({ headers: token }), await started({ headers: token })].map(({ operation }) => operation),
  otherBody: await refused(() => started({ headers: token, prompt: 'another' })),
  left: await left(),
  errors: await errors(),
};
found.settled = await settled(found.started.operation);
console.log(JSON.stringify(found));
