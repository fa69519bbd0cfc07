/** How outcomes are shown and kept: a table for reading, a file for comparing with later runs. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { packageRoot } from '../src/config/package-root.ts';
import { type Comparison, measureOf, meetsBar, type Outcome } from './benchmark.ts';
import { rounded } from './statistics.ts';

function barText({ bar, baseline, unit }: Comparison): string {
  if (bar === null) return '-';
  const [sign, limit] = 'atMost' in bar ? ['<=', bar.atMost] : ['>=', bar.atLeast];
  return `${sign} ${limit}${baseline === null ? ` ${unit}` : ''}`;
}

function okText(compared: Comparison): string {
  const meets = meetsBar(compared);
  if (meets === null) return '-';
  return meets ? 'yes' : 'NO';
}

/** All comparisons, a row each. */
export function renderTable(outcomes: ReadonlyMap<string, Outcome>, isTerminal: boolean): string {
  const all = [...outcomes.values()].flatMap(({ comparisons }) => comparisons);
  const hasPlans = all.some(({ plan }) => plan !== undefined);
  const table = new Table({
    head: ['name', 'compared', ...(hasPlans ? ['plan'] : []), 'ours', 'baseline', 'ratio', 'bar', 'ok'],
    style: { head: isTerminal ? ['bold'] : [], border: isTerminal ? ['dim'] : [] },
  });
  for (const [name, { comparisons }] of outcomes) {
    for (const compared of comparisons) {
      const { what, unit, ours, baseline } = compared;
      table.push([
        name,
        what,
        ...(hasPlans ? [compared.plan ?? '-'] : []),
        `${rounded(ours)} ${unit}`,
        baseline === null ? '-' : `${rounded(baseline)} ${unit}`,
        baseline === null ? '-' : measureOf(compared).toFixed(2),
        barText(compared),
        okText(compared),
      ]);
    }
  }
  return table.toString();
}

/** Figures with as many digits as mean something. */
function roundedFigures(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? rounded(value) : value;
}

/** Writes `bench/results/NAME.json`, and returns its path. */
export function writeResult(name: string, { comparisons, figures }: Outcome): string {
  const folder = join(packageRoot(), 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  const [cpu] = cpus();
  const record = {
    name,
    date: new Date().toISOString(),
    node: process.version,
    cpu: `${cpus().length} x ${cpu?.model ?? 'unknown'}`,
    comparisons: comparisons.map((compared) => ({
      ...compared,
      ratio: compared.baseline === null ? null : measureOf(compared),
      ok: meetsBar(compared),
    })),
    figures,
  };
  writeFileSync(file, `${JSON.stringify(record, roundedFigures, 2)}\n`);
  return file;
}
