/** Rows as CSV, with the names of their members as its head. */

function cell(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value);
  // Spreadsheets take these beginnings for formulas; a figure below zero is none.
  const safe = /^[=+@\t\r]|^-(?!\d+(\.\d+)?$)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** All rows have the members of the first one. */
export function csvOf(rows: readonly object[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => names.map((name) => cell((row as Record<string, unknown>)[name])).join(','));
  return `${[names.join(','), ...lines].join('\r\n')}\r\n`;
}
