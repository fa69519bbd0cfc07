/** What of the documents is printed from the code: whole files, and parts between two marks. */

import { ACTIVITY_FAILURES, REFUSALS, VIDEO_FAILURES } from '../../src/domain/failure.ts';
import { COUNTED, READ } from '../../src/observe/metrics/definitions.ts';
import { renderImportRules } from '../import-directions.ts';
import { readAlertRules } from '../observe/alert-rules.ts';
import { COMMAND_PARTS } from './commands.ts';
import { ROUTE_PARTS } from './routes.ts';
import { SCALING_PARTS } from './scaling.ts';
import { printEnvironmentExample, printFileExample, SETTING_PARTS } from './settings.ts';
import { code, printTable } from './table.ts';
import { UPSTREAM_PARTS } from './upstreams.ts';

function printVideoFailures(): string {
  const rows = Object.entries(VIDEO_FAILURES).map(([kind, { charge, meaning, advice }]) => [
    code(kind),
    charge,
    meaning,
    advice ?? '-',
  ]);
  return printTable(['kind', 'charge', 'meaning', 'what to do'], rows);
}

function printRefusals(): string {
  const rows = Object.entries(REFUSALS).map(([kind, { httpStatus, meaning, ...more }]) => [
    code(kind),
    String(httpStatus),
    'retryAfterSeconds' in more ? String(more.retryAfterSeconds) : '-',
    meaning,
  ]);
  return printTable(['kind', 'HTTP', 'Retry-After', 'meaning'], rows);
}

function printActivityFailures(): string {
  const rows = Object.entries(ACTIVITY_FAILURES).map(([type, { passes, meaning }]) => [
    code(type),
    passes ? 'yes' : 'no',
    meaning,
  ]);
  return printTable(['type', 'tried again', 'meaning'], rows);
}

function printMetrics(definitions: typeof COUNTED | typeof READ): string {
  const rows = Object.entries(definitions).map(([name, { type, labels, help }]) => [
    code(name),
    type,
    labels.map(code).join(', ') || '-',
    help,
  ]);
  return printTable(['metric', 'type', 'labels', 'says'], rows);
}

function printAlerts(): string {
  const rows = readAlertRules().map(({ alert, annotations, expr, for: since }) => [
    code(alert),
    annotations.summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, 'the $1'),
    code(expr),
    since ?? '-',
  ]);
  return printTable(['alert', 'says', 'when', 'for'], rows);
}

/** Every part by its name. */
export const PARTS: Readonly<Record<string, () => string | Promise<string>>> = {
  'import directions': renderImportRules,
  failures: printVideoFailures,
  refusals: printRefusals,
  'activity failures': printActivityFailures,
  'counted metrics': () => printMetrics(COUNTED),
  'metrics of the catalog': () => printMetrics(READ),
  alerts: printAlerts,
  ...SETTING_PARTS,
  ...COMMAND_PARTS,
  ...ROUTE_PARTS,
  ...UPSTREAM_PARTS,
  ...SCALING_PARTS,
};

/** Files that are nothing else. */
export const FILES: Readonly<Record<string, () => string>> = {
  '.env.example': printEnvironmentExample,
  'clipyard.example.yaml': printFileExample,
};

const PART = /(?<=<!-- printed: ([^>]+) -->\n)[\s\S]*?(?=<!-- end -->)/g;

/** The names of the parts that a document has. */
export function partsOf(document: string): readonly string[] {
  return [...document.matchAll(PART)].map(([, name = '']) => name);
}

/** A document with its parts as the code prints them now. */
export async function reprint(document: string): Promise<string> {
  const printed = new Map<string, string>();
  for (const name of partsOf(document)) {
    const print = PARTS[name];
    if (print === undefined) throw new Error(`nothing prints "${name}"`);
    printed.set(name, await print());
  }
  return document.replace(PART, (_, name: string) => `\n${printed.get(name)}\n\n`);
}
