/** `clipyard mcp` as an agent's client starts it: messages on standard input and output, and nothing else. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { PROGRAM } from '../client/run-cli.ts';
import { type FrontDoor, openFrontDoor } from '../contract/front-door.ts';
import { compile } from '../system/clipyard-process.ts';
import { type Answer, type Asking, messageOf, type Revision } from './raw-agent.ts';

const CLIP = { model: 'wan-2.6', prompt: 'a fox', durationSeconds: 5 };

let door: FrontDoor;
let env: Record<string, string>;
let key = '';

beforeAll(async () => {
  compile();
  door = await openFrontDoor();
  const url = await door.app.listen({ host: '127.0.0.1', port: 0 });
  key = await door.join();
  const { PATH = '', HOME = '' } = process.env;
  env = { PATH, HOME, CLIPYARD_URL: url, CLIPYARD_API_KEY: key };
}, 300_000);
afterAll(() => door.close());

/** The process; each line of its output has to be a message. */
function start(...options: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, 'mcp', ...options], { env });
  const lines: string[] = [];
  const waiting = new Map<unknown, (answer: Answer) => void>();
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => {
    lines.push(line);
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
  });
  const exited = once(child, 'exit');
  return {
    lines,
    async ask(asking: Asking): Promise<Answer> {
      const message = messageOf(asking);
      child.stdin?.write(`${JSON.stringify(message)}\n`);
      return await new Promise((resolve) => waiting.set(message.id, resolve));
    },
    notify: (method: string) => void child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', method })}\n`),
    /** Its exit code. */
    async close(): Promise<unknown> {
      child.stdin?.end();
      return (await exited)[0];
    },
  };
}

test.each<Revision>(['2026-07-28', '2025-11-25'])('nothing but messages is written, in %s', async (revision) => {
  const mcp = start();
  if (revision === '2025-11-25') {
    const params = { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
    const { result } = await mcp.ask({ method: 'initialize', params, revision });
    expect(result).toMatchObject({ protocolVersion: revision, serverInfo: { name: 'clipyard' } });
    mcp.notify('notifications/initialized');
  } else {
    const { result } = await mcp.ask({ method: 'server/discover', revision });
    expect(result.capabilities.extensions).toEqual({ 'io.modelcontextprotocol/tasks': {} });
  }
  const { result } = await mcp.ask({ method: 'tools/call', params: { name: 'list_models', arguments: {} }, revision });
  expect(result.structuredContent.items).toMatchObject([{ id: 'wan-2.6' }]);
  const bad = await mcp.ask({ method: 'tools/call', params: { name: 'get_video', arguments: {} }, revision });
  expect(bad.result).toMatchObject({ isError: true });
  expect(await mcp.close()).toBe(0);
  for (const line of mcp.lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
});

test('a session spends no more than it may, and a repeat costs nothing', async () => {
  const mcp = start('--max-usd', '4.50');
  const call = async (name: string, args: object) => {
    const { result } = await mcp.ask({ method: 'tools/call', params: { name, arguments: args }, takesTasks: true });
    return result;
  };
  const first = await call('create_video', { ...CLIP, idempotencyKey: 'one' });
  expect(await call('create_video', { ...CLIP, idempotencyKey: 'one' })).toMatchObject({ taskId: first.taskId });
  const items = [CLIP, CLIP];
  const batch = await call('create_batch', { items, idempotencyKey: 'two' });
  expect(batch).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('$2.50 is left') }] });
  const small = { items: [CLIP], idempotencyKey: 'two' };
  const { taskId } = await call('create_batch', small);
  expect(await call('create_batch', small)).toMatchObject({ status: 'working', taskId });
  const third = await call('create_video', { ...CLIP, idempotencyKey: 'three' });
  expect(third).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('--max-usd') }] });
  expect((await call('get_balance', {})).structuredContent).toMatchObject({ sessionMicroUsd: 500_000 });
  expect((await door.call(key, 'GET', '/clipyard/v1/videos')).body.items).toHaveLength(1);
  expect(await mcp.close()).toBe(0);
});

test('the official client uses it', async () => {
  const client = new Client({ name: 'official', version: '1' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [PROGRAM, 'mcp'], env }));
  const made = await client.callTool({ name: 'get_balance', arguments: {} });
  expect(made.structuredContent).toMatchObject({ creditMicroUsd: null });
  await client.close();
});
