/** The log: JSON lines on standard error, free of keys. */

import type { DestinationStream, Logger } from 'pino';
import { pino } from 'pino';
import { z } from 'zod';
import { traceField } from './traces/current.ts';

export type Log = Logger;

/** What is called a key, however it is spelled. */
const NAME =
  '(?:authorization|(?:api|root|signing|secret|private|encryption|access)[-_ ]?keys?|secrets?|passwords?|signature|\\bsig|tokens?|cookies?|clipyard_session)';
const NAMES_KEY = new RegExp(`${NAME}$`, 'i');
/** Nearly all lines hold none of it, and are looked at once. */
const HINT = /authorization|key|secret|password|sig|token|cookie|bearer|basic|whsec_|sk-|cy_|:\/\/[^/"]*@/i;

/** Quotes around names and keys, with backslashes where a text quotes JSON. */
const MARKS = `[\\\\"']*`;

/** In texts: what stands before a key, and the key. */
const QUOTED = [
  [
    `${NAME}${MARKS}\\s*(?::\\s*${MARKS}(?:(?:Basic|Bearer|Digest|Key|Token) +)?|=\\s*${MARKS}|%3D)`,
    `[^\\s"'\\\\,;&]+`,
  ],
  ['[?&]key=', '[^\\s&]+'],
  ['\\b(?:Bearer|Basic)[\\s"\\\\:]+', '[\\w.~+/=-]+'],
  ['\\b(?:whsec_|sk-|cy_)', '[\\w+/=-]{16,}'],
  [':\\/\\/[^\\s:@/"]*:', '[^\\s@/"]+(?=@)'],
].map(([before, key]) => new RegExp(`(${before})${key}`, 'gi'));

const HIDDEN = '[Redacted]';

/** A value of a line's without the keys in it; a member of a list is called what stands before it, as headers come. */
function withoutKeys(name: string, value: unknown): unknown {
  if (NAMES_KEY.test(name)) return value === null ? null : HIDDEN;
  if (Array.isArray(value)) {
    return value.map((one, at) => (typeof value[at - 1] === 'string' ? withoutKeys(value[at - 1], one) : one));
  }
  if (typeof value !== 'string') return value;
  return QUOTED.reduce((text, found) => text.replace(found, `$1${HIDDEN}`), value);
}

/** A line without the values of fields that hold keys, and without keys, signatures and passwords that texts quote. */
function withoutSecrets(line: string): string {
  return HINT.test(line) ? `${JSON.stringify(JSON.parse(line, withoutKeys))}\n` : line;
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
      // What Temporal's SDK tells has its errors under this name, and JSON shows nothing of one.
      serializers: { error: pino.stdSerializers.err },
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
