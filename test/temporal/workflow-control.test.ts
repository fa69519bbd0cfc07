/** What workflows are started with: every start names the caller for Temporal's fair turns. */

import type { Client } from '@temporalio/client';
import { createWorkflowControl } from '../../src/temporal/workflow-control.ts';
import { makeVideo } from '../builders.ts';

test('whatever is started for a caller takes its turns with that caller', async () => {
  const started: { readonly type: string; readonly fairnessKey: unknown }[] = [];
  const start = async (type: string, { priority }: { priority?: { fairnessKey?: string } }) => {
    started.push({ type, fairnessKey: priority?.fairnessKey });
    return { result: async () => undefined };
  };
  const client = {
    connection: { withDeadline: (_deadline: number, call: () => unknown) => call() },
    workflow: { start, signalWithStart: start },
  } as unknown as Client;
  const control = createWorkflowControl(() => client);
  const video = makeVideo({ callerId: 'caller_a' });
  await control.start(video);
  await control.startBatch('batch_1', 'caller_b');
  await control.startFilm({ id: 'film_1', callerId: 'caller_c', batchId: null, videoIds: [], transition: 'cut' });
  await control.rearchive(video, video.expiresAt.toISOString());
  await control.startDelivery({ id: 'delivery_1', callerId: 'caller_d' }, 1000);
  expect(started).toEqual([
    { type: 'generateVideo', fairnessKey: 'caller_a' },
    { type: 'runBatch', fairnessKey: 'caller_b' },
    { type: 'joinFilm', fairnessKey: 'caller_c' },
    { type: 'rearchiveVideo', fairnessKey: 'caller_a' },
    { type: 'deliverWebhook', fairnessKey: 'caller_d' },
  ]);
});
