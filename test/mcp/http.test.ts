/** `POST /mcp` over the real gateway and catalog: both revisions, raw and by the official clients. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type FrontDoor, openFrontDoor } from '../contract/front-door.ts';
import { agentAt, messageOf, type Revision, TASKS } from './raw-agent.ts';

const REVISIONS: readonly Revision[] = ['2026-07-28', '2025-11-25'];
/** As much of the document as is looked at. */
interface OpenApi {
  readonly paths: Record<
    string,
    { readonly post: { readonly responses: Record<string, { readonly content: object }> } }
  >;
}

const CLIP = { model: 'wan-2.6', prompt: 'a fox', durationSeconds: 5 };

let door: FrontDoor;
let url = '';
let key = '';
let agent: ReturnType<typeof agentAt>;

beforeAll(async () => {
  door = await openFrontDoor({ corsOrigins: ['https://app.example'] });
  url = await door.app.listen({ host: '127.0.0.1', port: 0 });
});
beforeEach(async () => {
  key = await door.join({ creditMicroUsd: 100_000_000 });
  agent = agentAt(url, key);
});
afterAll(() => door.close());

const videos = async () => (await door.call(key, 'GET', '/clipyard/v1/videos')).body.items;

/** Resolves with a caller's one video as soon as there is one. */
async function untilVideo(): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    const [video] = await videos();
    if (video) return video.id;
    await sleep(50);
  }
  throw new Error('no video is made');
}

describe.each(REVISIONS)('in the revision %s', (revision) => {
  test('tools are listed with their schemas, and say what they do to the world', async () => {
    const { result } = await agent.ask({ method: 'tools/list', revision });
    const tools: { name: string }[] = result.tools;
    expect(tools.map(({ name }) => name).toSorted()).toEqual([
      'cancel_video',
      'create_batch',
      'create_video',
      'estimate',
      'get_balance',
      'get_batch',
      'get_video',
      'list_models',
      'list_videos',
    ]);
    const create = result.tools.find(({ name }: { name: string }) => name === 'create_video');
    expect(create.inputSchema).toMatchObject({ type: 'object', required: ['model', 'prompt', 'idempotencyKey'] });
    expect(create.annotations).toMatchObject({ readOnlyHint: false, idempotentHint: true });
    const get = result.tools.find(({ name }: { name: string }) => name === 'get_video');
    expect(get.annotations.readOnlyHint).toBe(true);
    expect(get.outputSchema.properties.price).toBeDefined();
  });

  test('models, an estimate and the balance name prices', async () => {
    const models = await agent.call('list_models', {}, { revision });
    expect(models.structuredContent.items).toMatchObject([{ id: 'wan-2.6', price: '$0.40' }]);
    const estimated = await agent.call('estimate', { model: 'wan-2.6', durationSeconds: 5 }, { revision });
    expect(estimated.structuredContent).toMatchObject({ estimateMicroUsd: 2_000_000, price: '$2.00' });
    const balance = await agent.call('get_balance', {}, { revision });
    expect(balance.structuredContent).toMatchObject({ availableMicroUsd: 100_000_000, sessionMicroUsd: null });
  });

  test('a create tells of progress, and answers with the clip', async () => {
    const args = { ...CLIP, idempotencyKey: `shown-${revision}` };
    const params = { name: 'create_video', arguments: args };
    const creating = agent.exchange({ method: 'tools/call', params, revision, progressToken: 'p1' });
    const id = await untilVideo();
    await door.complete(id);
    const answers = await creating;
    const told = answers.slice(0, -1);
    expect(told.length).toBeGreaterThan(0);
    for (const { method, params: progress } of told) {
      expect({ method, progress }).toMatchObject({
        method: 'notifications/progress',
        progress: { progressToken: 'p1' },
      });
    }
    const steps = told.map(({ params: progress }) => Number(progress?.['progress']));
    expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
    expect(steps.at(-1)).toBe(100);
    const { result } = answers.at(-1) ?? {};
    expect(result.structuredContent).toMatchObject({ id, state: 'completed', next: null });
    expect(result.content).toMatchObject([
      { type: 'text', text: expect.stringContaining('$') },
      { type: 'resource_link', name: `${id}.mp4`, mimeType: 'video/mp4' },
    ]);
  });

  test('a call that was cut off and is repeated gives the one clip', async () => {
    const params = { name: 'create_video', arguments: { ...CLIP, idempotencyKey: `cut-${revision}` } };
    const cut = new AbortController();
    const first = agent.ask({ method: 'tools/call', params, revision }, cut.signal);
    const id = await untilVideo();
    cut.abort();
    await expect(first).rejects.toThrow('abort');
    const second = agent.ask({ method: 'tools/call', params, revision });
    await door.complete(id);
    expect((await second).result.structuredContent).toMatchObject({ id, state: 'completed' });
    expect(await videos()).toHaveLength(1);
  });

  test.each([
    ['a length that no model has', { ...CLIP, durationSeconds: 99, idempotencyKey: 'k' }, 'duration'],
    ['no key for its order', CLIP, 'idempotencyKey'],
    ['a member that there is not', { ...CLIP, idempotencyKey: 'k', seconds: 5 }, 'seconds'],
    ['a model that is not offered', { ...CLIP, model: 'none', idempotencyKey: 'k' }, 'none'],
    ['a file of the server', { ...CLIP, images: ['/etc/passwd'], idempotencyKey: 'k' }, 'images'],
    ['a file of the server as a URL', { ...CLIP, images: ['http:/etc/passwd'], idempotencyKey: 'k' }, 'images'],
    [
      'a length beside the one that is priced',
      { ...CLIP, extra: { duration_seconds: 9 }, idempotencyKey: 'k' },
      'extra',
    ],
  ])('%s is a tool error in words', async (_what, args, word) => {
    const result = await agent.call('create_video', args, { revision });
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toContain(word);
    expect(await videos()).toEqual([]);
  });

  test("another caller's video is not there", async () => {
    const others = await door.create(await door.join(), 'airforce');
    for (const tool of ['get_video', 'cancel_video']) {
      const result = await agent.call(tool, { id: others }, { revision });
      expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('404') }] });
    }
    const list = await agent.call('list_videos', {}, { revision });
    expect(list.structuredContent).toEqual({ items: [], nextCursor: null });
    const read = await agent.ask({
      method: 'resources/read',
      params: { uri: `clipyard://videos/${others}` },
      revision,
    });
    expect(read.error).toBeDefined();
  });

  test('videos are listed, read as resources, and cancelled', async () => {
    const id = await door.create(key, 'airforce');
    const uri = `clipyard://videos/${id}`;
    const { result: listed } = await agent.ask({ method: 'resources/list', revision });
    expect(listed.resources).toMatchObject([{ uri, name: id }]);
    const { result: read } = await agent.ask({ method: 'resources/read', params: { uri }, revision });
    expect(JSON.parse(read.contents[0].text)).toMatchObject({ id, state: 'queued', price: 'about $2.00' });
    const list = await agent.call('list_videos', { state: 'queued', limit: null }, { revision });
    expect(list.structuredContent.items).toMatchObject([{ id, next: expect.stringContaining('get_video') }]);
    expect((await agent.call('cancel_video', { id }, { revision })).structuredContent).toMatchObject({ id });
  });
});

describe('tasks', () => {
  const task = { takesTasks: true } as const;

  test('a create answers with a task that is the video, until it ends with the clip', async () => {
    const ext = await import('@modelcontextprotocol/ext-tasks/core/v2');
    const args = { ...CLIP, idempotencyKey: 'task' };
    const made = await agent.call('create_video', args, task);
    expect(ext.isCreateTaskResultV2(made)).toBe(true);
    const id = await untilVideo();
    expect(made).toMatchObject({ resultType: 'task', taskId: id, status: 'working' });
    expect(made.statusMessage).toContain('about $2.00');
    const get = { method: 'tasks/get', params: { taskId: id }, ...task };
    const { result: working } = await agent.ask(get);
    expect(ext.isDetailedTaskV2(working)).toBe(true);
    expect(working).toMatchObject({ resultType: 'complete', taskId: id, status: 'working' });
    expect(await agent.call('create_video', args, task)).toMatchObject({ resultType: 'task', taskId: id });
    await door.complete(id);
    const { result: ended } = await agent.ask(get);
    expect(ext.isDetailedTaskV2(ended)).toBe(true);
    expect(ended).toMatchObject({ status: 'completed', result: { structuredContent: { id, state: 'completed' } } });
    expect(await videos()).toHaveLength(1);
  });

  test('a video that fails is a task that completed with an error', async () => {
    const { taskId } = await agent.call('create_video', { ...CLIP, idempotencyKey: 'fails' }, task);
    await door.fail(taskId);
    const { result } = await agent.ask({ method: 'tasks/get', params: { taskId }, ...task });
    expect(result).toMatchObject({
      status: 'completed',
      result: { isError: true, structuredContent: { state: 'failed' } },
    });
  });

  test('a task is cancelled, and one that is not the caller’s is not there', async () => {
    const { taskId } = await agent.call('create_video', { ...CLIP, idempotencyKey: 'cancelled' }, task);
    const cancel = { method: 'tasks/cancel', params: { taskId }, ...task };
    expect((await agent.ask(cancel)).result).toMatchObject({ resultType: 'complete' });
    const { cancelRequestedAt } = await door.read(taskId);
    expect(cancelRequestedAt).not.toBeNull();
    const stranger = agentAt(url, await door.join());
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
      expect((await stranger.ask({ method, params: { taskId }, ...task })).error?.code).toBe(-32602);
    }
  });

  test('a batch is a task as well, and its lines are told', async () => {
    const items = [CLIP, { ...CLIP, prompt: 'a hare', customId: 'second' }];
    const made = await agent.call('create_batch', { items, idempotencyKey: 'batch' }, task);
    expect(made).toMatchObject({ resultType: 'task', taskId: expect.stringMatching(/^batch_/) });
    const again = await agent.call('create_batch', { items, idempotencyKey: 'batch' }, task);
    expect(again.taskId).toBe(made.taskId);
    const { result } = await agent.ask({ method: 'tasks/get', params: { taskId: made.taskId }, ...task });
    expect(result).toMatchObject({ status: 'working', ttlMs: null });
    const batch = await agent.call('get_batch', { id: made.taskId });
    expect(batch.structuredContent).toMatchObject({ total: 2, estimateMicroUsd: 4_000_000 });
    expect(batch.structuredContent.items).toMatchObject([{ customId: '1' }, { customId: 'second' }]);
  });

  test('bad items of a batch are named, and nothing is made', async () => {
    const items = [CLIP, { ...CLIP, durationSeconds: 99 }];
    const result = await agent.call('create_batch', { items, idempotencyKey: 'bad' }, task);
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/item 2: .*99/) }] });
    expect((await door.call(key, 'GET', '/clipyard/v1/batches')).body.items).toEqual([]);
  });

  test('a client that has not said that it takes tasks is told so', async () => {
    const { error } = await agent.ask({ method: 'tasks/get', params: { taskId: 'video_1' } });
    expect(error).toMatchObject({ code: -32021, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } });
  });

  test('the official client of tasks sees a video to its end', async () => {
    const running = promisify(execFile)(process.execPath, [join(__dirname, 'tasks-client.mjs'), url, key]);
    const ended = untilVideo().then(async (id) => {
      await door.complete(id);
      return id;
    });
    const [{ stdout }, id] = await Promise.all([running, ended]);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ structuredContent: { id, state: 'completed' } });
  });
});

/** The official SDK's client. */
async function connect(mode?: 'legacy'): Promise<Client> {
  const client = new Client(
    { name: 'official', version: '1' },
    { versionNegotiation: { mode: mode ?? { pin: '2026-07-28' } } },
  );
  const headers = { authorization: `Bearer ${key}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } }));
  return client;
}

test.each([undefined, 'legacy'] as const)('the official client uses the tools (%s)', async (mode) => {
  const client = await connect(mode);
  const { tools } = await client.listTools();
  expect(tools).toHaveLength(9);
  const seen: number[] = [];
  const creating = client.callTool(
    { name: 'create_video', arguments: { ...CLIP, idempotencyKey: 'sdk' } },
    { onprogress: ({ progress }) => void seen.push(progress) },
  );
  const id = await untilVideo();
  await door.complete(id);
  expect((await creating).structuredContent).toMatchObject({ id, state: 'completed' });
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.length).toBeGreaterThan(0);
  const get = await client.callTool({ name: 'get_video', arguments: { id } });
  expect(get.structuredContent).toMatchObject({ id, prompt: 'a fox', price: expect.stringMatching(/^\$/) });
  await client.close();
});

describe('the front door', () => {
  test('asks for a key, and takes no web page of elsewhere but where one is let in', async () => {
    const list = messageOf({ method: 'tools/list' });
    const unknown = await agentAt(url, 'nobody').post(list);
    expect(unknown.status).toBe(401);
    expect(unknown.headers.get('www-authenticate')).toBe('Bearer');
    const foreign = await agent.post(list, { origin: 'http://evil.example' });
    expect(foreign.status).toBe(403);
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };
    for (const origin of ['http://127.0.0.1:8787', 'https://app.example']) {
      expect((await agent.post(list, { ...headers, origin })).status).toBe(200);
    }
  });

  test.each(['GET', 'DELETE'])('%s is answered with 405: there are no sessions', async (method) => {
    const answer = await fetch(`${url}/mcp`, { method, headers: { authorization: `Bearer ${key}` } });
    expect({ status: answer.status, allow: answer.headers.get('allow') }).toEqual({ status: 405, allow: 'POST' });
  });

  test('a notification is taken without an answer, and what is no message is refused', async () => {
    const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
    expect((await agent.post(initialized, { 'mcp-protocol-version': '2025-11-25' })).status).toBe(202);
    expect((await agent.post({ hello: 'there' })).status).toBe(400);
    expect((await agent.post([messageOf({ method: 'ping', revision: '2025-11-25' })])).status).toBe(400);
    expect((await agent.post(messageOf({ method: 'tools/list' }), { 'content-type': 'text/plain' })).status).toBe(415);
  });

  test('a client that takes anything is answered, and one that leaves a type out is told', async () => {
    const listing = messageOf({ method: 'tools/list', revision: '2025-11-25' });
    expect((await agent.post(listing, { accept: '*/*' })).status).toBe(200);
    expect((await agent.post(listing, { accept: 'application/json' })).status).toBe(406);
  });

  test('what it refuses has a type that the document names', async () => {
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
    for (const message of [{ hello: 'there' }, [messageOf({ method: 'ping' })]]) {
      const { status, headers } = await agent.post(message);
      const type = headers.get('content-type')?.split(';')[0];
      expect(Object.keys(paths['/mcp']?.post.responses[status]?.content ?? {})).toContain(type);
    }
    expect(paths['/mcp']?.post.responses[202]).toBeDefined();
  });

  test('opens no stream without an end', async () => {
    const listening = { method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true } } };
    expect((await agent.ask(listening)).error).toBeDefined();
    const { result } = await agent.ask({ method: 'server/discover' });
    expect(result.capabilities).toMatchObject({ tools: { listChanged: false }, extensions: { [TASKS]: {} } });
  });

  test('keeps to the caller’s credit', async () => {
    const poor = agentAt(url, await door.join({ creditMicroUsd: 1_000_000 }));
    const result = await poor.call('create_video', { ...CLIP, idempotencyKey: 'poor' });
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('credit') }] });
  });
});

test('/llms.txt names routes that there are, and a create that is taken', async () => {
  const answer = await fetch(`${url}/llms.txt`);
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  const text = await answer.text();
  const routes = [...text.matchAll(/`(GET|POST) (\/[^`?]+)[`?]/g)];
  expect(routes.length).toBeGreaterThan(8);
  for (const [, method = '', path = ''] of routes) {
    expect({ path, exists: door.app.hasRoute({ method: method as 'GET', url: path.replace('{id}', ':id') }) }).toEqual({
      path,
      exists: true,
    });
  }
  const [, body = ''] = /-d '(.+)'/.exec(text) ?? [];
  const create = JSON.parse(body.replace('MODEL', 'wan-2.6'));
  const made = await door.call(key, 'POST', '/airforce/v1/video/generations', create);
  expect(made).toMatchObject({ status: 200, body: { task_id: expect.stringMatching(/^video_/) } });
});
