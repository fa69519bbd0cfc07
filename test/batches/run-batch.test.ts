/** Batches from their manifest to their files, over a real Temporal server and the sandbox. */

import { setTimeout as wait } from 'node:timers/promises';
import { balance } from '../../src/catalog/balance.ts';
import { type Stack, startStack } from '../stack.ts';

interface BatchFacts {
  readonly id: string;
  readonly state: string;
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly costMicroUsd: number;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  readonly invalid: readonly { readonly line: number; readonly code: string }[];
}

interface OutputLine {
  readonly custom_id: string;
  readonly response: {
    readonly status_code: number;
    readonly body: { readonly id: string; readonly status: string };
  } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const line = (body: object) =>
  JSON.stringify({ model: 'sandbox-mini', prompt: 'a red fox', duration_seconds: 1, ...body });

describe('a batch', () => {
  let stack: Stack;
  let singleId = '';
  beforeAll(async () => {
    stack = await startStack({ speed: 40 });
  });
  afterAll(() => stack.close());

  async function submit(lines: readonly string[], query = '', type = 'application/jsonl') {
    const answer = await stack.app.inject({
      method: 'POST',
      url: `/clipyard/v1/batches${query}`,
      headers: { ...stack.headers, 'content-type': type },
      payload: lines.join('\n'),
    });
    return { status: answer.statusCode, body: answer.json() as BatchFacts };
  }

  async function read<T>(path: string): Promise<T> {
    const answer = await stack.app.inject({ method: 'GET', url: path, headers: stack.headers });
    if (answer.statusCode !== 200) throw new Error(answer.body);
    return answer.json() as T;
  }

  async function ended(id: string): Promise<BatchFacts> {
    for (let tries = 0; tries < 900; tries++) {
      const batch = await read<BatchFacts>(`/clipyard/v1/batches/${id}`);
      if (['completed', 'failed', 'cancelled', 'expired'].includes(batch.state)) return batch;
      await wait(100);
    }
    throw new Error(JSON.stringify(await read(`/clipyard/v1/batches/${id}`)));
  }

  async function file(id: string | null): Promise<readonly OutputLine[]> {
    if (id === null) return [];
    const answer = await stack.app.inject({ method: 'GET', url: `/v1/files/${id}/content`, headers: stack.headers });
    return answer.body
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as OutputLine);
  }

  test('makes each line once, and writes each into one file', async () => {
    const before = (await stack.bill()).tasks.length;
    const { status, body } = await submit(Array.from({ length: 12 }, (_, n) => line({ custom_id: `clip-${n}` })));
    expect(status).toBe(202);
    const batch = await ended(body.id);
    expect(batch).toMatchObject({ state: 'completed', total: 12, counts: { completed: 12 }, errorFileId: null });
    const output = await file(batch.outputFileId);
    expect(output.map(({ custom_id }) => custom_id).sort()).toEqual(
      Array.from({ length: 12 }, (_, n) => `clip-${n}`).sort(),
    );
    expect(output.every(({ response, error }) => response?.body.status === 'completed' && error === null)).toBe(true);
    expect((await stack.bill()).tasks.length - before).toBe(12);
  });

  test('refuses a manifest with a bad line as a whole, and runs the good ones where it is told to', async () => {
    const lines = [line({}), 'no json', line({ model: 'nothing-like-it' }), line({ custom_id: '1' })];
    const { status, body } = await submit(lines);
    expect(status).toBe(422);
    expect(body.invalid.map(({ line: n, code }) => [n, code])).toEqual([
      [2, 'invalid_json'],
      [3, 'unknown_model'],
      [4, 'duplicate_custom_id'],
    ]);
    const dry = await submit(lines, '?dryRun=true');
    expect(dry).toMatchObject({ status: 200, body: { id: null, total: 1 } });
    const skipped = await submit(lines, '?onInvalidLine=skip');
    expect(skipped.status).toBe(202);
    const batch = await ended(skipped.body.id);
    expect(batch).toMatchObject({ state: 'completed', counts: { completed: 1, failed: 3 } });
    expect((await file(batch.errorFileId)).map(({ response, error }) => [response, error?.code])).toEqual([
      [null, 'invalid_line'],
      [null, 'invalid_line'],
      [null, 'invalid_line'],
    ]);
  });

  test('begins a clip with the last picture of another, whatever becomes of the worker meanwhile', async () => {
    const chain = [line({}), ...[1, 2, 3].map((n) => line({ startFrom: { line: n } }))];
    const { body } = await submit(chain);
    await wait(1500);
    await stack.restartWorkers();
    const batch = await ended(body.id);
    expect(batch).toMatchObject({ state: 'completed', counts: { completed: 4 } });
    const { items } = await read<{ readonly items: readonly { readonly videoId: string }[] }>(
      `/clipyard/v1/batches/${body.id}/items`,
    );
    const videos = await Promise.all(items.map(({ videoId }) => stack.video(videoId)));
    expect(videos.map(({ request }) => request.mode)).toEqual(['text', 'image', 'image', 'image']);
    for (const [n, video] of videos.entries()) {
      if (n > 0) expect(video.createdAt.getTime()).toBeGreaterThan(videos[n - 1]?.endedAt?.getTime() ?? 0);
    }
  });

  test('takes a CSV, and refuses one with a column that it does not know', async () => {
    const header = 'custom_id,model,prompt,duration_seconds';
    const taken = await submit(
      [header, 'one,sandbox-mini,"two\nlines",1', '', 'two,sandbox-mini,fox,1'],
      '',
      'text/csv',
    );
    expect(taken.status).toBe(202);
    expect((await ended(taken.body.id)).counts).toMatchObject({ completed: 2 });
    const { items } = await read<{ readonly items: readonly object[] }>(`/clipyard/v1/batches/${taken.body.id}/items`);
    expect(items).toMatchObject([
      { line: 2, customId: 'one' },
      { line: 5, customId: 'two' },
    ]);
    const refused = await submit([`${header},colour`, 'one,sandbox-mini,fox,1,red'], '', 'text/csv');
    expect(refused.status).toBe(422);
    expect(refused.body.invalid).toMatchObject([
      { line: 1, message: expect.stringContaining('unknown columns: colour;') },
    ]);
    const reserved = await submit([`${header},extra.__proto__`, 'one,sandbox-mini,fox,1,red'], '', 'text/csv');
    expect(reserved.body.invalid).toMatchObject([
      { line: 1, message: expect.stringContaining('unknown columns: extra.__proto__;') },
    ]);
  });

  test('is cancelled: what was submitted is finished, the rest never begins, and can be made again', async () => {
    const { body } = await submit(Array.from({ length: 30 }, () => line({ duration_seconds: 5 })));
    for (let tries = 0; tries < 300; tries++) {
      const { counts } = await read<BatchFacts>(`/clipyard/v1/batches/${body.id}`);
      if ((counts['completed'] ?? 0) > 2) break;
      await wait(50);
    }
    const cancel = await stack.app.inject({
      method: 'POST',
      url: `/clipyard/v1/batches/${body.id}/cancel`,
      headers: stack.headers,
    });
    expect(cancel.statusCode).toBe(200);
    const batch = await ended(body.id);
    const { completed = 0, cancelled = 0 } = batch.counts;
    expect(batch.state).toBe('cancelled');
    expect(completed + cancelled).toBe(30);
    expect(cancelled).toBeGreaterThan(0);
    expect(
      (await file(batch.errorFileId)).every(
        ({ response, error }) => response === null && error?.code === 'batch_cancelled',
      ),
    ).toBe(true);
    const again = await stack.app.inject({
      method: 'POST',
      url: `/clipyard/v1/batches/${body.id}/retry`,
      headers: stack.headers,
    });
    expect(again.statusCode).toBe(202);
    const retried = again.json() as BatchFacts;
    expect(retried).toMatchObject({ retryOf: body.id, total: cancelled });
    expect((await ended(retried.id)).counts).toMatchObject({ completed: cancelled });
  });

  test('a single create amid a batch is granted before its waiting clips', async () => {
    const { body } = await submit(Array.from({ length: 40 }, () => line({ duration_seconds: 3 })));
    for (let tries = 0; tries < 300; tries++) {
      if (((await read<BatchFacts>(`/clipyard/v1/batches/${body.id}`)).counts['running'] ?? 0) > 6) break;
      await wait(50);
    }
    const id = await stack.create();
    singleId = id;
    const single = await stack.ended(id);
    const { rows } = (await stack.db.execute(
      `select count(*)::int as later from submissions s join submissions own on own.video_id = '${id}'
       where s.granted_at < own.granted_at and s.granted_at > (select created_at from videos where id = '${id}')`,
    )) as unknown as { readonly rows: readonly { readonly later: number }[] };
    expect(single.state).toBe('completed');
    expect(rows[0]?.later).toBeLessThanOrEqual(4);
    await ended(body.id);
  });

  test('is charged what its clips cost', async () => {
    const { items } = await read<{ readonly items: readonly BatchFacts[] }>('/clipyard/v1/batches?limit=100');
    const costs = items.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
    const billed = (await stack.bill()).tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
    const { heldMicroUsd, spentMicroUsd } = await balance(stack.db, 'root');
    expect({ heldMicroUsd, spentMicroUsd }).toEqual({ heldMicroUsd: 0, spentMicroUsd: billed });
    expect(billed - costs).toBe((await stack.video(singleId)).settledMicroUsd);
  });
});
