/** Survival: tasks, bill, links and bytes are the same after the process is gone. */

import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '../../src/sandbox/journal.ts';
import { closeSandboxes, download, MINI, startFast } from './sandbox-client.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'));
});
afterEach(async () => {
  await closeSandboxes();
  await rm(dataDir, { recursive: true });
});

test('a sandbox that never closed loses no task', async () => {
  const before = await startFast({ dataDir });
  await before.setFaults({ kind: 'failed_task', count: 1 }, { kind: 'overbilled', factor: 2 });
  await before.finish({ ...MINI, note: { kept: ['as', 'received'] } });
  await before.finish();
  const hidden = await before.finish();
  await before.fetch(`/v1/video/tasks/${hidden.task_id}`, { method: 'DELETE' });
  const bill = await before.bill();

  const after = await startFast({ dataDir });
  expect(await after.bill()).toEqual(bill);
  expect(bill.tasks.map(({ state, costMicroUsd }) => [state, costMicroUsd])).toEqual([
    ['failed', 0],
    ['completed', 20_000],
    ['completed', 20_000],
  ]);
  expect(bill.tasks[0]).toMatchObject({ provider: 'airforce', request: { note: { kept: ['as', 'received'] } } });
  expect(await after.list()).toHaveLength(2);
});

test('a running task goes on by the clock', async () => {
  const before = await startFast({ dataDir, speed: 10 });
  const { task_id } = await before.create();
  const after = await startFast({ dataDir, speed: 0.01 });
  expect((await after.bill()).tasks).toMatchObject([{ id: task_id, state: 'processing', costMicroUsd: 10_000 }]);
  const events = await after.stream(task_id);
  expect(JSON.parse(events.at(-2)?.data ?? '')).toMatchObject({ status: 'completed' });
});

test('a download resumes at another process', async () => {
  const before = await startFast({ dataDir });
  const { result_url = '' } = await before.finish();
  const whole = await download(result_url);
  const after = await startFast({ dataDir });
  const resumed = await download(result_url.replace(before.url, after.url), {
    range: 'bytes=500-',
    'if-range': whole.response.headers.get('etag') ?? '',
  });
  expect(resumed.response.status).toBe(206);
  expect(resumed.bytes).toEqual(whole.bytes.subarray(500));
});

test('a last line cut short is dropped', async () => {
  const before = await startFast({ dataDir });
  const { task_id } = await before.create();
  const file = join(dataDir, 'tasks.jsonl');
  await appendFile(file, '{"type":"task","task":{"id":"never-answ');
  const after = await startFast({ dataDir });
  const { task_id: next } = await after.create();
  const third = await startFast({ dataDir });
  expect((await third.bill()).tasks.map(({ id }) => id)).toEqual([task_id, next]);
  expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(3);
});

test('a broken line in the middle stops the start', async () => {
  const file = join(dataDir, 'tasks.jsonl');
  await writeFile(file, '{"type":"hide","id":"a"}\nrubbish\n{"type":"hide","id":"b"}\n');
  expect(() => openJournal(file)).toThrow('line 2');
});

test('the peak of concurrency is told after a restart', async () => {
  const before = await startFast({ dataDir, speed: 10 });
  const created = await Promise.all([before.create(), before.create(), before.create()]);
  await Promise.all(created.map(({ task_id }) => before.stream(task_id)));
  const after = await startFast({ dataDir });
  expect((await after.bill()).peakConcurrent).toEqual({ 'key-a': 3 });
});
