/** Following a task of airforce: which events mean that it is over, and which mean nothing. */

import { airforce } from '../../src/providers/airforce.ts';
import { type ScriptedServer, startScriptedServer, text } from '../net/scripted-server.ts';
import { makeCall } from './make-call.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startScriptedServer();
});
afterAll(async () => {
  await server.close();
});

const state = (task: object, event = 'state') => `event: ${event}\ndata: ${JSON.stringify(task)}\n\n`;

function follow(...events: readonly string[]) {
  server.received.length = 0;
  server.script = text(200, events.join(''), { 'content-type': 'text/event-stream' });
  return airforce.follow?.('task/1', makeCall(server));
}

test('listens at the task’s stream', async () => {
  await follow(state({ task_id: 'task/1', status: 'completed' }));
  expect(server.received).toMatchObject([{ method: 'GET', path: '/v1/video/tasks/task%2F1/stream' }]);
});

test.each<[string, string[]]>([
  ['its completion', [state({ task_id: 'task/1', status: 'completed', progress: 100 })]],
  ['its failure', [state({ task_id: 'task/1', status: 'failed', error: 'no' })]],
  ['its expiry', [state({ task_id: 'task/1', status: 'expired' })]],
  ['an end without an id', [state({ status: 'completed' })]],
  ['its completion, told by the older revision', [state({ task_id: 'task/1', status: 'completed' }, 'completed')]],
  ['its failure, told by the older revision', [state({ task_id: 'task/1', status: 'failed' }, 'failed')]],
  ['the closing word', ['event: done\ndata: [DONE]\n\n']],
  ['an end after rubbish', ['event: state\ndata: {"sta\n\n', 'hello\n', state({ status: 'failed' })]],
])('takes %s for the end', async (_name, events) => {
  await expect(follow(state({ task_id: 'task/1', status: 'processing' }), ...events)).resolves.toBeUndefined();
});

test.each<[string, string[]]>([
  ['nothing', []],
  ['progress', [state({ task_id: 'task/1', status: 'processing', progress: 100 })]],
  ['progress of the older revision', [state({ task_id: 'task/1', status: 'running', progress: 58 }, 'progress')]],
  ['an unknown word', [state({ task_id: 'task/1', status: 'finished' })]],
  ['another task’s end', [state({ task_id: 'task/2', status: 'completed' })]],
  ['an end under another name', [state({ status: 'completed' }, 'queue')]],
  ['an end without a name', [`data: ${JSON.stringify({ status: 'completed' })}\n\n`]],
  ['rubbish', ['event: state\ndata: [DONE]\n\n', 'event: state\ndata: 5\n\n', '\u0000\u0001\n\n']],
])('does not take %s for the end', async (_name, events) => {
  await expect(follow(...events)).rejects.toMatchObject({ name: 'UpstreamError', phase: 'lost' });
});
