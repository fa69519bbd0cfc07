/** The log: JSON lines on standard error, free of keys. */

import type { DestinationStream, Logger } from 'pino';
import { pino } from 'pino';
import { z } from 'zod';
import { traceField } from './traces/current.ts';

export type Log = Logger;

/** Fields that hold a key, wherever in an entry they are, with their values. */
const SECRET_FIELDS =
  /("(?:authorization|(?:x-)?api-?key|rootKey|signingKey|secret)":)(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\])/gi;

/** Fields that hold keys; signatures in links and bearer tokens in messages, which no field name gives away. */
function withoutSecrets(line: string): string {
  return line
    .replace(SECRET_FIELDS, '$1"[Redacted]"')
    .replace(/([?&](?:signature|X-Amz-Signature)=)[^&"\\\s]+/gi, '$1[Redacted]')
    .replace(/(Bearer )[^"\\\s]+/gi, '$1[Redacted]');
}

/** Standard error; who reads along may stop doing so. */
function standardError(): DestinationStream {
  return pino.destination({ fd: 2, sync: true }).on('error', () => undefined);
}

/** Opens the log; `destination` is standard error unless a test wants to read it. */
export function openLog(level: string, destination: DestinationStream = standardError()): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: traceField,
      hooks: { streamWrite: withoutSecrets },
    },
    destination,
  );
}

const entrySchema = z.looseObject({ level: z.number(), msg: z.string() });
const WARN_LEVEL = 40;

/** A log for reading: the message, and that it is a warning. */
export function openReadableLog(level: string, print: (line: string) => void): Log {
  return openLog(level, {
    write(line) {
      const { level: severity, msg } = entrySchema.parse(JSON.parse(line));
      print(severity >= WARN_LEVEL ? `warning: ${msg}` : msg);
    },
  });
}
