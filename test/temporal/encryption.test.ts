/** Encryption with a real Temporal: what its database holds of clips, and who can read it. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { ROOT_KEY, type Stack, startStack } from '../stack.ts';

const PROMPT = 'a vermilion fox that nobody may read of';
const WORDS = 'the moderators dislike vermilion foxes';
const CONTROL = 'a control that is not encrypted';

let stack: Stack;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clipyard-encryption-'));
  const { code } = await bundleWorkflowCode({
    workflowsPath: resolve(__dirname, '../../workflows/index.ts'),
    failureConverterPath: resolve(__dirname, '../../workflows/encoded-failures.ts'),
    logger: new DefaultLogger('WARN'),
  });
  const workflowBundlePath = join(folder, 'bundle.js');
  writeFileSync(workflowBundlePath, code);
  stack = await startStack({
    config: { encryptionKeys: [{ id: 'k1', key: randomBytes(32) }] },
    workflowBundlePath,
  });
});
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true });
});

/** Whether any file of the server's data holds the text. */
function isOnDisk(text: string): boolean {
  const { dataDir } = stack.parts.config;
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).map((name) => join(dataDir, name));
  return files.some(
    (file) => file.includes('temporal') && statSync(file).isFile() && readFileSync(file).includes(text),
  );
}

async function decode(payloads: readonly Payload[]): Promise<string> {
  const print = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
  const answer = await stack.app.inject({
    method: 'POST',
    url: '/temporal-codec/decode',
    headers: { authorization: `Bearer ${ROOT_KEY}` },
    payload: {
      payloads: payloads.map(({ metadata, data }) => ({
        metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, print(value)])),
        data: print(data),
      })),
    },
  });
  const decoded = answer.json() as { payloads: { data: string }[] };
  return decoded.payloads.map(({ data }) => Buffer.from(data, 'base64').toString()).join();
}

test('neither prompts nor words of failures are in the database of Temporal, and root reads both', async () => {
  const { client, connection, create, ended, faults } = stack;
  const bare = new Client({ connection, namespace: client.options.namespace });
  await bare.workflow.start('control', { workflowId: 'control', taskQueue: 'nobody', args: [{ prompt: CONTROL }] });

  const made = await create({ prompt: PROMPT });
  expect((await ended(made)).state).toBe('completed');
  await faults([{ kind: 'failed_task', message: WORDS, count: 1 }]);
  const failed = await create({ prompt: PROMPT });
  expect(await ended(failed)).toMatchObject({ state: 'failed', failure: { message: expect.stringContaining(WORDS) } });
  await expect(client.workflow.getHandle(failed).result()).rejects.toMatchObject({
    cause: { message: expect.stringContaining(WORDS) },
  });

  expect([isOnDisk(CONTROL), isOnDisk(made), isOnDisk(failed)]).toEqual([true, true, true]);
  expect([isOnDisk(PROMPT), isOnDisk(WORDS), isOnDisk('vermilion')]).toEqual([false, false, false]);

  const { events } = await bare.workflow.getHandle(failed).fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  expect(await decode(started?.input?.payloads ?? [])).toContain(PROMPT);
  const last = events?.at(-1)?.workflowExecutionFailedEventAttributes?.failure;
  expect(await decode(last?.encodedAttributes ? [last.encodedAttributes] : [])).toContain(WORDS);
});
