/** The border that everything an upstream says crosses before it is kept, shown or logged. */

/** The most that is kept of anything an upstream says. */
const MOST_CHARACTERS = 2000;

/** Halves of surrogate pairs: with the `u` flag whole pairs do not match. */
const HALVES = /\p{Surrogate}/gu;

/** What an upstream said as it may be kept: storable (`isStorable`), and cut to `most` UTF-16 units, never within a character. */
export function upstreamText(said: string, most = MOST_CHARACTERS): string {
  const isCut = said.length > most;
  const kept = isCut ? said.slice(0, most).replace(/[\uD800-\uDBFF]$/, '') : said;
  return kept.replaceAll('\0', '').replace(HALVES, '\uFFFD');
}
