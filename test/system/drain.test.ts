/** A stop while an upstream pushes: the streams end with the process, which does not wait for them. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json, type Script, type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';
import {
  askAs,
  type ClipyardProcess,
  compile,
  createVideos,
  freePort,
  ROOT_KEY,
  startClipyard,
  untilModels,
  untilReady,
} from './clipyard-process.ts';

const CAPS = { min_duration_s: 1, max_duration_s: 4, modes: ['text'], price_per_second_cents: 1 };
const MODEL = { id: 'sandbox-mini', output_modalities: ['video'], video_caps: CAPS };

let dataDir: string;
let upstream: ScriptedServer;
let running: ClipyardProcess | null = null;

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-drain-'));
  upstream = await startScriptedServer();
}, 300_000);

afterAll(async () => {
  await running?.killTree();
  await upstream?.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** An upstream with one task, which never ends, and whose stream says nothing; resolves as a stream is opened and left. */
function scriptEndlessTask(): { readonly opened: Promise<void>; readonly left: Promise<void> } {
  let open = () => {};
  let leave = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const stream: Script = (response) => {
    response.on('close', leave);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    open();
  };
  upstream.script = (response, request) => {
    const answers: Readonly<Record<string, Script>> = {
      '/v1/models': json(200, { data: [MODEL] }),
      '/v1/video/generations': json(200, { task_id: 'task-1', status: 'queued' }),
      '/v1/video/tasks': json(200, { data: [] }),
      '/v1/video/tasks/task-1': json(200, { task_id: 'task-1', status: 'processing', progress: 1 }),
      '/v1/video/tasks/task-1/stream': stream,
    };
    (answers[request.path] ?? json(404, {}))(response, request);
  };
  return { opened, left };
}

test('a process that follows a task stops when it is told to', async () => {
  const { opened, left } = scriptEndlessTask();
  const port = await freePort();
  const config = join(dataDir, 'clipyard.yaml');
  const timing = { firstPollMs: 100 };
  const account = { id: 'one', provider: 'airforce', baseUrl: upstream.origin, apiKeyEnv: 'ONE_KEY', timing };
  await writeFile(config, JSON.stringify({ accounts: [account] }));
  running = startClipyard(['up'], {
    CLIPYARD_CONFIG: config,
    CLIPYARD_DATA_DIR: dataDir,
    CLIPYARD_PORT: String(port),
    ONE_KEY: 'sk-air-drain',
  });
  const ask = askAs(ROOT_KEY, `http://127.0.0.1:${port}`);
  await untilReady(`http://127.0.0.1:${port}/readyz`, running);
  await untilModels(ask);
  await createVideos(ask, 1, 'followed');
  await opened;
  expect(await running.terminate()).toBe(0);
  await left;
  running = null;
}, 300_000);
