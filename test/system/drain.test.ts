/** A stop while an upstream pushes: the streams end with the process, which does not wait for them. */

import { json, type Script, type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';
import { createVideos } from './clipyard-process.ts';
import { type ClipyardUp, prepareClipyardUp } from './clipyard-up.ts';

const CAPS = { min_duration_s: 1, max_duration_s: 4, modes: ['text'], price_per_second_cents: 1 };
const MODEL = { id: 'sandbox-mini', output_modalities: ['video'], video_caps: CAPS };

let upstream: ScriptedServer;
let clipyard: ClipyardUp;

beforeAll(async () => {
  upstream = await startScriptedServer();
  const timing = { firstPollMs: 100 };
  clipyard = await prepareClipyardUp({
    accounts: [{ id: 'one', provider: 'airforce', baseUrl: upstream.origin, timing }],
  });
}, 300_000);

afterAll(async () => {
  await clipyard?.close();
  await upstream?.close();
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
  const running = await clipyard.start();
  await clipyard.untilModels();
  await createVideos(clipyard.ask, 1, 'followed');
  await opened;
  expect(await running.terminate()).toBe(0);
  await left;
}, 300_000);
