/** Tables of the documents in Markdown. */

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');

/** A table; a bar in a cell is no border. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((cells) => row(cells.map((cell) => cell.replaceAll('|', '\\|'))));
  return [row(head), row(head.map(() => '---')), ...escaped].join('\n');
}

/** `name` as it is typed. */
export const code = (text: string) => `\`${text}\``;

/** Text in lines of at most `width` characters, each behind `prefix`. */
export function wrap(text: string, prefix: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(`${prefix}${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
