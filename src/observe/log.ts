/** The log: JSON lines on standard error, free of keys. */

import type { DestinationStream, Logger } from 'pino';
import { pino } from 'pino';
import { z } from 'zod';
import { traceField } from './traces/current.ts';

export type Log = Logger;

/** What is called a key, however it is spelled. */
const NAME =
  '(?:authorization|(?:api|root|signing|secret|private|encryption|access)[-_ ]?keys?|secrets?|passwords?|signature|\\bsig|tokens?|cookies?|clipyard_session)';
/** A quote inside of a text of the line; the line's own stand without a backslash, or behind an even number of them. */
const QUOTE = String.raw`(?:\\(?:\\\\)*"|')`;
const GAP = String.raw`(?:\s|\\[nrt])`;
/** Of a value without quotes; a backslash is one with the one that it escapes. */
const PLAIN = String.raw`(?:[^\s"'\\,;&]|\\\\)+`;

/** Nearly all lines hold none of it, and are looked at once. */
const HINT = /authorization|key|secret|password|sig|token|cookie|session|bearer|basic|whsec_|sk-|cy_|:\/\/[^/"]*@/i;

/** A member of an object with its colon, or what stands before its value in a list, as headers come. */
const FIELD = new RegExp(String.raw`(?<=[[{,])"[\w .-]*${NAME}"[:,](?=["[{\d])`, 'gi');

/** In texts of the line, such as messages: what stands before a key, and the key. */
const IN_TEXT = [
  [`${NAME}${QUOTE}?${GAP}*[:=]${GAP}*${QUOTE}`, String.raw`(?:[^"'\\]|\\\\)+`],
  [`(?:${NAME}|[?&]key)(?:=|%3D)`, PLAIN],
  [String.raw`(?:authorization|api-key|cookie)${GAP}*:${GAP}*(?:\w+ +)?`, PLAIN],
  [`\\bBearer(?:${GAP}|:|%20)+${QUOTE}?`, PLAIN],
  [`\\bBasic(?:${GAP}|%20)+`, String.raw`[\w+/-]{8,}=*`],
  [String.raw`\b(?:whsec_|sk-|cy_)`, String.raw`[\w+/=-]{16,}`],
  [String.raw`:\/\/[^\s:@/"'\\]*:`, String.raw`[^\s@/"'\\]+(?=@)`],
].map(([before, key]) => new RegExp(`(${before})${key}`, 'gi'));

/** Where the JSON value ends that begins at `from`. */
function endOfValue(line: string, from: number): number {
  let depth = 0;
  for (let at = from; at < line.length; at++) {
    const character = line[at];
    if (character === '"') {
      for (at += 1; at < line.length && line[at] !== '"'; at++) if (line[at] === '\\') at += 1;
      if (depth === 0) return at + 1;
    } else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (depth <= 0) return depth < 0 ? at : at + 1;
    } else if (character === ',' && depth === 0) return at;
  }
  return line.length;
}

function withoutFields(line: string): string {
  let text = '';
  let from = 0;
  for (const { 0: name, index } of line.matchAll(FIELD)) {
    const value = index + name.length;
    if (value < from) continue;
    text += `${line.slice(from, value)}"[Redacted]"`;
    from = endOfValue(line, value);
  }
  return text + line.slice(from);
}

/** A line without the values of fields that hold keys, and without keys, signatures and passwords that texts quote. */
function withoutSecrets(line: string): string {
  if (!HINT.test(line)) return line;
  return IN_TEXT.reduce((text, found) => text.replace(found, '$1[Redacted]'), withoutFields(line));
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
