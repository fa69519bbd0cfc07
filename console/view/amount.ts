/** Dollars as people type them, as whole micro-dollars. */

/** @throws Error for what is no amount. */
export function microUsdOf(typed: string): number {
  const text = typed.trim().replace(/^\$/, '').replaceAll(',', '');
  if (!/^\d+(\.\d{1,6})?$/.test(text)) throw new Error(`"${typed}" is no amount of dollars, such as 25.00`);
  const [whole = '0', part = ''] = text.split('.');
  return Number(whole) * 1_000_000 + Number(part.padEnd(6, '0'));
}
