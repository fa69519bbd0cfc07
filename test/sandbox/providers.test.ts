/** The loop's outer half: the real providers, against the face of the API that each was written for. */

import type { Provider, ResultLink, StartCall, StartOutcome, TaskStatus } from '../../src/domain/provider.ts';
import { DOCUMENTED_PROVIDERS, type DocumentedProvider } from '../../src/domain/vendor.ts';
import { closeUpstreamConnections } from '../../src/net/trusted/request-json.ts';
import { airforce } from '../../src/providers/airforce.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { openai } from '../../src/providers/openai.ts';
import { makeRequest } from '../builders.ts';
import { readClip } from './mp4-reader.ts';
import { closeSandboxes, type SandboxClient, startFast } from './sandbox-client.ts';

let sandbox: SandboxClient;
beforeEach(async () => {
  sandbox = await startFast({ speed: 50 });
});
afterEach(closeSandboxes);
afterAll(closeUpstreamConnections);

interface Pairing {
  /** Each face that the provider is put before: its name in the bill, and where it is. */
  readonly faces: readonly (readonly [name: string, path: string])[];
  readonly upstreamModel: string;
}

const PAIRINGS: Readonly<Record<DocumentedProvider, Pairing>> = {
  airforce: {
    faces: [
      ['airforce', ''],
      ['airforce', '/airforce'],
      ['airforce-2024', '/airforce-2024'],
    ],
    upstreamModel: 'sandbox-mini',
  },
  infrai: { faces: [['infrai', '/infrai']], upstreamModel: 'cheapest' },
  a4f: { faces: [['a4f', '/a4f']], upstreamModel: 'provider-2/veo-fast' },
  openai: { faces: [['openai', '/openai']], upstreamModel: 'sandbox-mini' },
};

const PAIRS = DOCUMENTED_PROVIDERS.flatMap((vendor) => {
  const { faces, upstreamModel } = PAIRINGS[vendor];
  const provider: Provider = PROVIDERS_BY_NAME[vendor];
  return faces.map(([name, path]) => ({ name, path, provider, upstreamModel }));
});
const DELIVERING = PAIRS.filter(({ provider }) => provider.facts.answersAtEnd);
const POLLED = PAIRS.filter(({ provider }) => !provider.facts.answersAtEnd);

const REQUEST = makeRequest({ model: 'sandbox-mini', durationSeconds: 2 });

function requireStarted(outcome: StartOutcome) {
  if (outcome.kind !== 'started') throw new Error(`the create ended as ${JSON.stringify(outcome)}`);
  return outcome;
}

/** A call to the face at this path. */
function callTo(path: string, overrides: Partial<StartCall>): StartCall {
  return {
    baseUrl: sandbox.url + path,
    apiKey: 'key-a',
    upstreamModel: 'sandbox-mini',
    idempotencyKey: 'submission-1',
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    storeClip: async () => {
      throw new Error('the answer carries no clip');
    },
    loadImage: async () => ({ bytes: Buffer.from('not really an image'), mediaType: 'image/png' }),
    linkImage: ({ sha256 }: { sha256: string }) => `https://clips.example/input-images/${sha256}.png`,
    ...overrides,
  };
}

describe.each(POLLED)('the provider at root$path', ({ name, path, provider, upstreamModel }) => {
  const callOf = (overrides: Partial<StartCall> = {}) => callTo(path, { upstreamModel, ...overrides });
  const start = async (overrides: Partial<StartCall> = {}) =>
    requireStarted(await provider.start(REQUEST, callOf(overrides))).taskId;

  async function untilEnd(taskId: string): Promise<TaskStatus> {
    let status = await provider.poll(taskId, callOf());
    while (status.kind === 'pending') status = await provider.poll(taskId, callOf());
    return status;
  }

  async function download({ url, needsKey }: ResultLink): Promise<Buffer> {
    const response = await fetch(url, { headers: needsKey ? { authorization: 'Bearer key-a' } : {} });
    return Buffer.from(await response.arrayBuffer());
  }

  test('what is not made yet is pending', async () => {
    sandbox = await startFast({ speed: 1 });
    expect(await provider.poll(await start(), callOf())).toMatchObject({ kind: 'pending' });
  });

  test('a clip is created, watched and downloaded', async () => {
    await provider.probe?.(callOf());
    const taskId = await start();
    const end = await untilEnd(taskId);
    if (end.kind !== 'succeeded' || end.result === null) throw new Error(`the task ended as ${JSON.stringify(end)}`);
    expect(await readClip(await download(end.result))).toMatchObject({ durationSeconds: 2, width: 640, height: 360 });
    expect((await sandbox.bill()).tasks).toMatchObject([
      { id: taskId, provider: name, model: 'sandbox-mini', seconds: 2, costMicroUsd: 20_000 },
    ]);
  });

  test('what has an image starts from it', async () => {
    const image = { kind: 'url', url: 'https://images.example/fox.png' } as const;
    await provider.start({ ...REQUEST, mode: 'image', images: [image] }, callOf());
    // openai takes files alone, so the image is fetched for it.
    const [arrived] = (await sandbox.bill()).tasks;
    const wanted = provider === openai ? '"mediaType":"image/png","sizeBytes":19' : image.url;
    expect(JSON.stringify(arrived?.request)).toContain(wanted);
  });

  test('a list shows what was created', async () => {
    const taskId = await start();
    const list = await provider.list?.(callOf());
    expect(list?.tasks.map((task) => task.taskId)).toEqual([taskId]);
    const [task] = list?.tasks ?? [];
    // IN-35: nothing but the id.
    const shown = provider.facts.listWindow === null ? {} : { model: 'sandbox-mini', prompt: REQUEST.prompt };
    expect(task).toMatchObject(shown);
  });

  test('a failure, a refusal and an unknown task are told apart', async () => {
    await sandbox.setFaults({ kind: 'failed_task', message: 'the model fell over', count: 1 });
    expect(await untilEnd(await start())).toMatchObject({
      kind: 'failed',
      upstream: { message: 'the model fell over' },
    });
    expect(await provider.poll('none', callOf())).toEqual({ kind: 'missing' });
    await sandbox.setFaults({ kind: 'http_error', on: 'create', status: 402, count: 1 });
    // AF-52: airforce has no word for it.
    const reason = provider === airforce ? 'undecided' : 'no credit';
    expect(await provider.start(REQUEST, callOf())).toMatchObject({ kind: 'refused', reason });
  });

  test('the fifth task is refused with a hint', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 });
    for (const n of [1, 2, 3, 4]) await start({ idempotencyKey: `submission-${n}` });
    const fifth = await provider.start(REQUEST, callOf({ idempotencyKey: 'submission-5' }));
    expect(fifth).toMatchObject({ kind: 'refused', reason: 'rate limited', retryAfterMs: expect.any(Number) });
  });

  test('a lost answer leaves one task that can be found', async () => {
    await sandbox.setFaults({ kind: 'lost_create_answer', answer: 'reset', count: 1 });
    expect(await provider.start(REQUEST, callOf())).toMatchObject({ kind: 'lost', answered: false });
    const listed = await provider.list?.(callOf());
    if (provider.facts.honoursIdempotencyKey) expect(await start()).toBe(listed?.tasks[0]?.taskId);
    expect((await sandbox.bill()).tasks.map(({ id }) => id)).toEqual([listed?.tasks[0]?.taskId]);
  });

  test('a cancel stops the task where there is one', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 });
    const taskId = await start();
    await provider.cancel?.(taskId, callOf());
    const after = await provider.poll(taskId, callOf());
    expect(after.kind).toBe(provider.facts.cancels ? 'failed' : 'pending');
    expect((await sandbox.bill()).tasks[0]?.state).toBe(provider.facts.cancels ? 'cancelled' : 'processing');
  });
});

describe.each(DELIVERING)('the provider at root$path', ({ name, path, provider, upstreamModel }) => {
  test('a clip comes with the answer to its create', async () => {
    const received: Uint8Array[] = [];
    const storeClip: StartCall['storeClip'] = async (pieces) => {
      for await (const piece of pieces) received.push(Buffer.from(piece));
      return { sha256: '', sizeBytes: Buffer.concat(received).length };
    };
    const outcome = await provider.start(REQUEST, callTo(path, { upstreamModel, storeClip }));
    expect(outcome).toMatchObject({ kind: 'delivered', clip: { sizeBytes: expect.any(Number) } });
    expect(await readClip(Buffer.concat(received))).toMatchObject({ durationSeconds: 2 });
    expect((await sandbox.bill()).tasks).toMatchObject([{ provider: name, model: upstreamModel, seconds: 2 }]);
  });

  test('a refusal and a lost answer are told apart', async () => {
    const call = callTo(path, { upstreamModel });
    await sandbox.setFaults({ kind: 'http_error', on: 'create', status: 429, count: 1 });
    expect(await provider.start(REQUEST, call)).toMatchObject({ kind: 'refused', reason: 'rate limited' });
    await sandbox.setFaults({ kind: 'lost_create_answer', answer: 'reset', count: 1 });
    expect(await provider.start(REQUEST, call)).toMatchObject({ kind: 'lost' });
  });
});

test('an uploaded image reaches the openai face as a file', async () => {
  const call = callTo('/openai', { upstreamModel: 'sora-2' });
  const image = { kind: 'stored', sha256: 'a'.repeat(64), mediaType: 'image/png', sizeBytes: 19 } as const;
  requireStarted(await openai.start({ ...REQUEST, mode: 'image', durationSeconds: 4, images: [image] }, call));
  expect((await sandbox.bill()).tasks).toMatchObject([
    { model: 'sora-2', seconds: 4, request: { input_reference: { mediaType: 'image/png', sizeBytes: 19 } } },
  ]);
});
