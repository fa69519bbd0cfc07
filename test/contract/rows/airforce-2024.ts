/** What the older revision of api.airforce documents otherwise, rule by rule. */

import type { Rows } from '../rows.ts';

export const AIRFORCE_2024_ROWS: Rows = {
  'AO-01': 'The five routes are those of the current revision.',
  'AO-02': 'The cost is taken at the create, and given back if the video fails or expires.',
  'AO-03': '`seed` is a named whole number.',
  'AO-04': '`sound` is a named boolean.',
  'AO-05': 'Nothing is said of other keys; they go upstream as in the current revision.',
  'AO-06': '`expires_at` is about a day after `created`; here a day exactly.',
  'AO-07': 'Ids have a word in front: `vid_…` there, `video_…` here.',
  'AO-08': 'The answer to a create has no `progress`.',
  'AO-09': 'A task in work is `running`; the other words of `status` are the same.',
  'AO-10': 'A queued task has no `progress`.',
  'AO-11': '`result_url` is a signed link of the gateway that dies at `expires_at`.',
  'AO-12': '`thumbnail_url` leads to a poster frame where there is one.',
  'AO-13': '`error` is an object of `type` and `message`.',
  'AO-14': 'A completed task costs what its create said, to the cent.',
  'AO-15': 'The stream names its events `progress` and, at the end, after the status; nothing follows.',
  'AO-16': 'The list takes `limit`, 50 unless told and 200 at most.',
  'AO-17': 'The list takes `status` and shows that one alone.',
  'AO-18': 'A delete takes the clip as well, and gives no money back.',
  'AO-19': 'Four tasks at once, and links that die at `expires_at`, as in the current revision.',
  'AO-20': 'Its program reads the message inside `error`.',
  'AO-21': {
    rule: 'The page has one status word in Indonesian where it means `completed`.',
    untested: 'a slip of the translation, which is not reproduced',
  },
};
