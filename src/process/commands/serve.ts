/** `clipyard serve`: the gateway alone. */

import { TASK_QUEUES } from '../../../workflows/messages.ts';
import type { Config } from '../../config/settings.ts';
import { startGateway } from '../gateway.ts';
import type { TemporalLink } from '../link.ts';
import { startMetrics } from '../metrics.ts';
import { openParts } from '../parts.ts';
import type { ProcessContext } from '../run.ts';
import { whenAborted } from '../stop.ts';
import { openSharedTemporal, requireSharedCatalog } from './apart.ts';
import { printConsoleLink, printOut, printRootKey } from './printed.ts';

const POLLERS_CALL_MS = 2_000;

/** Whether any process works on our workflows, as Temporal sees it. */
async function checkPollers(link: TemporalLink, namespace: string): Promise<void> {
  const { connection } = link.current();
  const { pollers } = await connection.withDeadline(Date.now() + POLLERS_CALL_MS, () =>
    connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: TASK_QUEUES.workflows },
      // Workflow tasks.
      taskQueueType: 1,
    }),
  );
  if ((pollers ?? []).length === 0) throw new Error('no worker polls');
}

/** `clipyard serve`. */
export async function serve(config: Config, context: ProcessContext): Promise<void> {
  requireSharedCatalog(config, 'serve');
  const parts = await openParts(config, context);
  const link = await openSharedTemporal(parts, context);
  const checkWorkers = () => checkPollers(link, config.temporal.namespace);
  await startGateway({ parts, link, checkWorkers, context });
  await startMetrics(parts, context.closers);
  printOut(`gateway    ${config.publicUrl}`);
  // A process that was not trusted with root's key lets no one in as root either.
  if (parts.rootKey.key !== null) printConsoleLink(parts);
  printRootKey(parts);
  await whenAborted(context.stop);
}
