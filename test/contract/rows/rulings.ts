/** Where the documents contradict each other or are silent: what holds here. */

import type { Rows } from '../rows.ts';

export const RULINGS: Rows = {
  X1: 'At the path of two APIs the prefix decides, then the dialect of the caller, then the keys of the body; keys of both are 400.',
  X2: 'The older revision answers under its prefix or to its callers; the current one ignores the queries of its list.',
  X3: 'Each dialect has its word for each of our states; what is being archived is at 99 % at most.',
  X4: 'One failure inside, told as each dialect tells failures.',
  X5: 'Each revision keeps its names of events, also for ends that its page does not show.',
  X6: 'One ledger holds at the create and settles or releases at the end; every revision ends at the same balance.',
  X7: 'The older revision settles at its estimate, the current one at the actual cost.',
  X8: 'A delete takes the record alone (airforce) or the media as well (the others).',
  X9: 'A delete of a running video hides it (airforce), cancels it (infrai) or is 409 (OpenAI).',
  X10: 'Links to results are ours, signed, and never those of the upstream.',
  X11: 'Media are kept for the time of their dialect; only infrai can move it.',
  X12: '`days: 0` is refused with the range, although the example sends it.',
  X13: '`aspect` and `aspect_ratio` are one thing; two values are 400.',
  X14: 'A `job_id` beside an id in the path is ignored.',
  X15: 'What infrai leaves open: pages of 20 and at most 100, errors of code and message, `ok` false for what had ended, 404 for the unknown.',
  X16: '`prefer` chooses by price among the models that can do it, and the choice is shown.',
  X17: 'A caller above its limit waits in the queue, or is told 429 with a time to wait if it wants that.',
  X18: 'At a4f `480p` is beyond every model of the page.',
  X19: 'A wait that is over is 504 with the id, never to be repeated; who hangs up cancels nothing.',
  X20: '`created` is the completion at a4f and the creation elsewhere.',
  X21: '`seconds` may be digits as text, in JSON and in forms.',
  X22: 'Statuses are the same in all dialects, also where their pages leave them out.',
  X23: 'What cannot be an id is 404 without a look at the catalog.',
  X24: 'A stream that is opened after the end sends the end again and closes.',
  X25: {
    rule: 'Slips of the pages (an attribution, a translation) are not copied.',
    untested: 'it says what is not done',
  },
};
