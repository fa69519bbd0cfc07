/** Which known name was probably meant by one that is not known. */

/** Letters put in, left out, replaced or swapped with their neighbour to make one text of the other. */
function editsBetween(a: string, b: string): number {
  const edits: number[] = [];
  const at = (i: number, j: number) => edits[i * (b.length + 1) + j] ?? 0;
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? at(i - 2, j - 2) + 1 : replaced;
      edits.push(i === 0 || j === 0 ? i + j : Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped));
    }
  }
  return at(a.length, b.length);
}

/** What is left where case, dashes and our own prefix do not count. */
const bare = (name: string) =>
  name
    .replace(/^CLIPYARD_/, '')
    .replace(/[-_]/g, '')
    .toLowerCase();

/** Above this share of letters a difference is no slip any more. */
const MOST_EDITS_SHARE = 1 / 3;
/** A shorter part of a name is in too many. */
const LEAST_PART_LENGTH = 3;

function isClose(a: string, b: string): boolean {
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  if (shorter.length >= LEAST_PART_LENGTH && longer.includes(shorter)) return true;
  return editsBetween(a, b) <= Math.max(1, Math.floor(longer.length * MOST_EDITS_SHARE));
}

/** ` did you mean …?` behind a semicolon; empty where no known name is close. */
export function didYouMean(name: string, known: readonly string[]): string {
  const [closest] = known
    .filter((each) => isClose(bare(name), bare(each)))
    .toSorted((a, b) => editsBetween(bare(name), bare(a)) - editsBetween(bare(name), bare(b)));
  return closest === undefined ? '' : `; did you mean ${closest}?`;
}
