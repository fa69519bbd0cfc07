/** The border that everything an upstream says crosses before it is kept, shown or logged. */

/** The most that is kept of anything an upstream says. */
const MOST_CHARACTERS = 2000;

/** PostgreSQL stores neither NUL nor half of a surrogate pair; with the `u` flag whole pairs do not match. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;
const HALVES = /\p{Surrogate}/gu;

/** Whether the catalog can store a text as it stands. */
export function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text);
}

/** What an upstream said as it may be kept: storable, and cut to `most` UTF-16 units, never within a character. */
export function upstreamText(said: string, most = MOST_CHARACTERS): string {
  const isCut = said.length > most;
  const kept = isCut ? said.slice(0, most).replace(/[\uD800-\uDBFF]$/, '') : said;
  return kept.replaceAll('\0', '').replace(HALVES, '\uFFFD');
}
