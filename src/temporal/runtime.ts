/** The SDK's runtime of a process: Temporal's own messages go to our log, and signals are left to us. */

import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { VerboseLog } from '../domain/log.ts';
import type { CoreMetricsPort } from './core-metrics.ts';

const PINO_METHODS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** What the SDK's workers say of themselves: their coming and going, and warnings that a queue has no workflows. */
const WORKER_METHODS = { TRACE: 'trace', DEBUG: 'trace', INFO: 'debug', WARN: 'debug', ERROR: 'error' } as const;

/**
 * Sends Temporal's messages to the log, for this process and once: to be called before anything else of the SDK's worker.
 * Signals are left to us, so that parts close in our order.
 */
export function installTemporalRuntime(log: VerboseLog, metrics: CoreMetricsPort | null = null): void {
  const logger = new DefaultLogger('DEBUG', ({ level, message, meta }) => {
    const methods = meta?.['sdkComponent'] === 'worker' ? WORKER_METHODS : PINO_METHODS;
    log[methods[level]]({ ...meta }, message);
  });
  Runtime.install({
    logger,
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
      ...(metrics && { metrics: { prometheus: prometheusAt(metrics) } }),
    },
  });
}

/** Named as Prometheus wants it: `temporal_…_total`, `temporal_…_seconds`. */
function prometheusAt({ port }: CoreMetricsPort) {
  return {
    bindAddress: `127.0.0.1:${port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
  };
}
