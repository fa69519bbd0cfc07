/** Reads the dates of HTTP headers, which are UTC in all of their forms, also in the one that names no zone. */

/** All three forms name the weekday first (RFC 9110, 5.6.7). */
const HTTP_DATE = /^[A-Za-z]{3,9},? /;
const NAMES_ITS_ZONE = /(?:[A-Za-z]|[+-]\d{2}:?\d{2})$/;

/** Milliseconds of an HTTP date; NaN for anything else. */
export function httpDateMs(value: string | undefined): number {
  const text = value?.trim() ?? '';
  if (!HTTP_DATE.test(text)) return Number.NaN;
  return Date.parse(NAMES_ITS_ZONE.test(text) ? text : `${text} GMT`);
}
