/** Which tests say in their titles which rows they hold: "… (AF-12 to AF-15, X7)". */

import { parseSync } from '@swc/core';
import { readSourceFiles, type SourceFile } from '../source-files.ts';

/** One test that names rows. */
export interface Claim {
  /** Relative to the checkout. */
  readonly path: string;
  /** With the titles around it, without the rows. */
  readonly title: string;
  /** Ids in the order they are named. */
  readonly rows: readonly string[];
}

const ROW = /\b(?:(AF|AO|IN|A4|OV|GW)-|(X))(\d+)\b/;
const RANGE = new RegExp(`${ROW.source}(?: to ${ROW.source})?`, 'g');
const LIST = new RegExp(` ?\\((?=[^()]*${ROW.source})[^()]*\\)`, 'g');

/** The rows that a title names; "A to B" is every row from one to the other. */
export function rowsOf(title: string): readonly string[] {
  return [...title.matchAll(RANGE)].flatMap(([text, series, ruling, first = '', lastSeries, lastRuling, last]) => {
    if (last === undefined) return [text];
    const [from, to] = [Number(first), Number(last)];
    if ((series ?? ruling) !== (lastSeries ?? lastRuling) || to < from) throw new Error(`"${text}" is no range`);
    const idOf = (n: number) => (series === undefined ? `X${n}` : `${series}-${String(n).padStart(2, '0')}`);
    return Array.from({ length: to - from + 1 }, (_, offset) => idOf(from + offset));
  });
}

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const field = (node: unknown, name: string): unknown => (isNode(node) ? node[name] : undefined);

/** `test` for `test(…)`, `test.each(…)(…)` and what else jest makes of the word. */
function calledName(node: unknown): string | undefined {
  const type = field(node, 'type');
  if (type === 'Identifier') return String(field(node, 'value'));
  if (type === 'MemberExpression') return calledName(field(node, 'object'));
  if (type === 'CallExpression') return calledName(field(node, 'callee'));
  return undefined;
}

/** The first argument of a call, where it is a text as it stands. */
function titleOf(call: Node): string | undefined {
  const [first] = [field(call, 'arguments')].flat();
  const expression = field(first, 'expression');
  return field(expression, 'type') === 'StringLiteral' ? String(field(expression, 'value')) : undefined;
}

/** Every test and describe below a node, with the titles around it. */
function* titled(node: unknown, around: readonly string[] = []): Generator<readonly string[]> {
  if (Array.isArray(node)) {
    for (const child of node) yield* titled(child, around);
    return;
  }
  if (!isNode(node)) return;
  const isTest = field(node, 'type') === 'CallExpression' && /^(test|it|describe)$/.test(calledName(node) ?? '');
  const title = isTest ? titleOf(node) : undefined;
  const titles = title === undefined ? around : [...around, title];
  if (title !== undefined) yield titles;
  yield* titled(Object.values(node), titles);
}

function claimsOf({ path, text }: SourceFile): readonly Claim[] {
  const module = parseSync(text, { syntax: 'typescript' });
  return [...titled(module.body)].flatMap((titles) => {
    const rows = rowsOf(titles.at(-1) ?? '');
    const title = titles.map((one) => one.replaceAll(LIST, '')).join(' › ');
    return rows.length === 0 ? [] : [{ path, title, rows }];
  });
}

/** All claims of the project's tests, by file. */
export function readClaims(): readonly Claim[] {
  // Suites that several test files run stand in files of other names.
  return readSourceFiles(['test']).flatMap(claimsOf);
}
