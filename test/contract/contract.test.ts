/** Every documented rule has a test or a reason, no test names a rule that there is not, and docs/contract.md says so. */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readProjectFile } from '../source-files.ts';
import { readClaims, rowsOf } from './claims.ts';
import { CONTRACT_PATH, renderContract } from './document.ts';
import { CHAPTERS } from './rows.ts';

const ROWS = Object.fromEntries(CHAPTERS.flatMap(({ rows }) => Object.entries(rows)));
const claims = readClaims();

test.each([
  ['keeps (AF-17)', ['AF-17']],
  ['fills (AF-12 to AF-15)', ['AF-12', 'AF-13', 'AF-14', 'AF-15']],
  ['is both (AF-09, X7 to X9)', ['AF-09', 'X7', 'X8', 'X9']],
  ['is 1920x1080 and A4 paper', []],
])('the title "%s" names its rows', (title, rows) => {
  expect(rowsOf(title)).toEqual(rows);
});

test('a range across series is a mistake', () => {
  expect(() => rowsOf('fills (AF-12 to AO-15)')).toThrow('is no range');
});

test('every rule has a test or a reason why not', () => {
  const held = new Set(claims.flatMap(({ rows }) => rows));
  const without = Object.entries(ROWS).filter(([id, row]) => held.has(id) === (typeof row !== 'string'));
  expect(without.map(([id]) => id)).toEqual([]);
});

test('every rule that a test names exists', () => {
  const unknown = claims.filter(({ rows }) => rows.some((id) => !Object.hasOwn(ROWS, id)));
  expect(unknown).toEqual([]);
});

test('every series is whole', () => {
  const series = CHAPTERS.map(({ rows }) => Object.keys(rows));
  const [first, last] = [series.map((ids) => ids.at(0)), series.map((ids) => ids.at(-1))];
  expect(series).toEqual(first.map((id, n) => rowsOf(`${id} to ${last[n]}`)));
});

test('docs/contract.md is what npm run docs makes of rules and titles', () => {
  const document = renderContract(claims);
  if (process.env['CLIPYARD_WRITE_DOCUMENTS'] === '1') {
    writeFileSync(resolve(__dirname, '../..', CONTRACT_PATH), document);
  }
  expect(readProjectFile(CONTRACT_PATH)).toBe(document);
});
