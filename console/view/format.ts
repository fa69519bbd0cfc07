/** Numbers, money and times as people read them. */

const MICRO = 1_000_000;

// A formatter is far dearer to make than to use, and lists print hundreds of times while they are scrolled.
const DOLLARS = [2, 3, 4, 5, 6].map(
  (places) => new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: places }),
);
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** `$1.25`; with more places where cents would say nothing: `$0.0031`. */
export function dollars(microUsd: number): string {
  const value = Math.abs(microUsd) / MICRO;
  const places = value === 0 || value >= 0.1 ? 2 : Math.min(6, Math.ceil(-Math.log10(value)) + 1);
  return `${microUsd < 0 ? '−' : ''}$${DOLLARS[places - 2]?.format(value)}`;
}

/** `4.2 s`, `3 min 20 s`, `42 min`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  const [unit, size] = units[first] ?? ['s', 1];
  const [nextUnit, nextSize] = units[first + 1] ?? ['s', 1];
  const count = Math.floor(seconds / size);
  const rest = count < 10 ? Math.floor((seconds % size) / nextSize) : 0;
  return `${count} ${unit}${rest > 0 ? ` ${rest} ${nextUnit}` : ''}`;
}

/** `3 min ago`, `in 2 h`; `now` within a few seconds. */
export function ago(iso: string, nowMs: number): string {
  const ms = nowMs - Date.parse(iso);
  if (Math.abs(ms) < 5000) return 'now';
  const [text] = duration(Math.abs(ms)).match(/^[\d.]+ \w+/) ?? [''];
  const rounded = text.replace(/^([\d.]+)/, (number) => String(Math.round(Number(number))));
  return ms > 0 ? `${rounded} ago` : `in ${rounded}`;
}

/** In the reader's own zone. */
export function dateTime(iso: string): string {
  return DATE_TIME.format(new Date(iso));
}

export function clock(iso: string): string {
  return CLOCK.format(new Date(iso));
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 })} ${units[power - 1]}`;
}

/** `1 video`, `2 videos`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** The last letters of an id, which tell ids of one day apart. */
export function shortId(id: string): string {
  return id.length > 14 ? `…${id.slice(-8)}` : id;
}

export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function sentence(words: string): string {
  return `${capital(words)}${/[.!?]$/.test(words) ? '' : '.'}`;
}

/** `answer_lost` as `answer lost`. */
export function spaced(word: string): string {
  return word.replaceAll('_', ' ');
}
