/** When two spellings of an upstream's word are the same word. */

/** What stands before the words of an enumeration, as in `TASK_STATUS_SUCCEED`. */
const ENUMERATION = /^(?:[a-z]+_)?(?:status|state)_/;

/** A word as our tables spell it: its case, what stands between its parts and before all of them do not count. */
export function plainWord(word: string): string {
  const plain = word
    .trim()
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[\s.-]+/g, '_')
    .replace(ENUMERATION, '');
  return plain === 'canceled' ? 'cancelled' : plain;
}
