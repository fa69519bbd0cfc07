/** The examples of the documented APIs' pages, cut out of the pages by their structure: nothing of them is kept here. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A page as text. `jest.config.cjs` leaves these tests out where the pages are not there. */
export function readPage(name: string): string {
  const folder = process.env['CLIPYARD_SEEDS'];
  if (folder === undefined) throw new Error('CLIPYARD_SEEDS does not name the folder of the pages');
  return readFileSync(join(folder, `${name}.txt`), 'utf8');
}

/** Where a text that begins with `open` closes it again; -1 where it never does. */
function closingOf(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** The JSON objects that begin a line: examples of answers. */
export function jsonExamples(page: string): readonly Record<string, unknown>[] {
  return [...page.matchAll(/^\{/gm)].flatMap(({ index }) => {
    try {
      return [JSON.parse(page.slice(index, closingOf(page, index) + 1))];
    } catch {
      return [];
    }
  });
}

/** The JavaScript functions of a page. */
export function functionExamples(page: string): readonly string[] {
  return [...page.matchAll(/\basync function \w+\([^)]*\) /g)].map(({ 0: head, index }) => {
    const body = index + head.length;
    return page.slice(index, closingOf(page, body) + 1);
  });
}

/**
 * Where a shell command ends: at the end of a line outside of quotes that no backslash continues, or where a word is
 * glued to a closing quote, as pages do that lost their line breaks.
 */
function endOfCommand(text: string): number {
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === '' && char === '\n' && text[at - 1] !== '\\') return at;
    if (quote === '' && /['"]/.test(char)) quote = char;
    else if (char === quote) {
      quote = '';
      if (/[A-Za-z]/.test(text.charAt(at + 1))) return at + 1;
    }
  }
  return text.length;
}

/** The `curl` commands of a page, in their order. */
export function curlExamples(page: string): readonly string[] {
  return [...page.matchAll(/(?<=^|['"])curl /gm)].map(({ index }) => {
    const rest = page.slice(index);
    return rest.slice(0, endOfCommand(rest));
  });
}

/** One event of a page's stream. */
export interface EventExample {
  readonly event: string;
  readonly data: string;
}

/** The server-sent events of a page. */
export function eventExamples(page: string): readonly EventExample[] {
  const found = page.matchAll(/event: (\w+)\ndata: (\{.*\}|\[\w+\])/g);
  return [...found].map(([, event = '', data = '']) => ({ event, data }));
}

/** What stands under a heading, up to the next of the given headings. */
export function sectionOf(page: string, heading: string, next: readonly string[]): string {
  const start = page.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`the page has no heading "${heading}"`);
  const section = page.slice(start + heading.length + 2);
  const ends = next.map((one) => section.indexOf(`\n${one}\n`)).filter((end) => end >= 0);
  return section.slice(0, Math.min(section.length, ...ends));
}

/** The keys of an example and what kind of value each has. */
export function kindsOf(example: object): Record<string, string> {
  return Object.fromEntries(Object.entries(example).map(([key, value]) => [key, typeof value]));
}
