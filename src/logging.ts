/** The log: JSON lines on standard error, free of keys, and Temporal's own messages in the same stream. */

import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { DestinationStream, Logger } from 'pino';
import { pino } from 'pino';

export type Log = Logger;

/** Fields that may hold a key, wherever in an entry they are (to a depth of three). */
const SECRET_FIELDS = ['authorization', 'apiKey', 'rootKey', 'signingKey', 'secret'];
const DEPTHS = ['', '*.', '*.*.'];

/** Signatures in links and bearer tokens in messages, which no field name gives away. */
function withoutSecrets(line: string): string {
  return line
    .replace(/([?&](?:signature|X-Amz-Signature)=)[^&"\\\s]+/gi, '$1[Redacted]')
    .replace(/(Bearer )[^"\\\s]+/gi, '$1[Redacted]');
}

/** Opens the log; `destination` is standard error unless a test wants to read it. */
export function openLog(level: string, destination: DestinationStream = pino.destination({ fd: 2, sync: true })): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: DEPTHS.flatMap((depth) => SECRET_FIELDS.map((field) => depth + field)), censor: '[Redacted]' },
      hooks: { streamWrite: withoutSecrets },
    },
    destination,
  );
}

const PINO_METHODS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** What the SDK's workers say of themselves: their coming and going, and warnings that a queue has no workflows. */
const WORKER_METHODS = { TRACE: 'trace', DEBUG: 'trace', INFO: 'debug', WARN: 'debug', ERROR: 'error' } as const;

/**
 * Sends Temporal's messages to the log, for this process and once: to be called before anything else of the SDK's worker.
 * Signals are left to us, so that parts close in our order.
 */
export function installTemporalRuntime(log: Log): void {
  const logger = new DefaultLogger('DEBUG', ({ level, message, meta }) => {
    const methods = meta?.['sdkComponent'] === 'worker' ? WORKER_METHODS : PINO_METHODS;
    log[methods[level]]({ ...meta }, message);
  });
  Runtime.install({
    logger,
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    },
  });
}
