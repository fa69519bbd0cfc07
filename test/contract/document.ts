/** docs/contract.md as it follows from the rules and from the tests that name them. */

import { posix } from 'node:path';
import type { Claim } from './claims.ts';
import { CHAPTERS, type Row } from './rows.ts';

export const CONTRACT_PATH = 'docs/contract.md';

const HEAD = `# Contract

Every rule of the documented APIs that Clipyard speaks, in our words, and the tests that hold it. Written by \`npm run
docs\` from \`test/contract/rows\` and from the titles of the tests; \`test/contract\` fails when it is not current,
when a rule has neither test nor reason, and when a title names a rule that there is not.
`;

const cell = (text: string) => text.replaceAll('|', '\\|');

function holders(id: string, row: Row, claims: readonly Claim[]): string {
  const held = claims.filter(({ rows }) => rows.includes(id));
  if (held.length === 0) return typeof row === 'string' ? '' : `not tested: ${row.untested}`;
  const files = [...new Set(held.map(({ path }) => path))];
  return files
    .map((path) => {
      const titles = held.filter((claim) => claim.path === path).map(({ title }) => cell(title));
      return `[${posix.relative('test', path)}](${posix.relative(posix.dirname(CONTRACT_PATH), path)}): ${titles.join('; ')}`;
    })
    .join('<br>');
}

/** The whole document. */
export function renderContract(claims: readonly Claim[]): string {
  const chapters = CHAPTERS.map(({ title, rows }) => {
    const lines = Object.entries(rows).map(([id, row]) => {
      const rule = typeof row === 'string' ? row : row.rule;
      return `| ${id} | ${cell(rule)} | ${holders(id, row, claims)} |`;
    });
    return [`## ${title}`, '', '| row | rule | held by |', '| --- | --- | --- |', ...lines, ''].join('\n');
  });
  return [HEAD, ...chapters].join('\n');
}
