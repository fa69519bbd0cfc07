/** A batch's manifest as it is printed: what became of each line, as JSON lines or CSV. */

import { MANIFEST_COLUMNS } from './batches.ts';

export type ManifestFormat = 'jsonl' | 'csv';
type Cell = string | number | null;

/** What became of a line, by column. */
export type ManifestRow = Readonly<Record<(typeof MANIFEST_COLUMNS)[number], Cell>>;

function quoted(value: Cell): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A record of a CSV, with its end. */
export function csvRecord(cells: readonly Cell[]): string {
  return `${cells.map(quoted).join(',')}\n`;
}

/** What stands before the first row. */
export const MANIFEST_HEADS: Readonly<Record<ManifestFormat, string>> = { jsonl: '', csv: csvRecord(MANIFEST_COLUMNS) };

/** A row, with its end. */
export function printManifestRow(row: ManifestRow, format: ManifestFormat): string {
  return format === 'csv' ? csvRecord(MANIFEST_COLUMNS.map((name) => row[name])) : `${JSON.stringify(row)}\n`;
}
