/** The airforce face: the current revision of that API. */

import { randomUUID } from 'node:crypto';
import { createBody, LIST_LIMIT, STREAM_EVENTS } from '../../wire/airforce.ts';
import { airforceFace } from './airforce-revision.ts';
import { renderCreated, renderTask } from './airforce-words.ts';

export const airforce = airforceFace({
  name: 'airforce',
  createBody,
  // AF-20
  makeTaskId: randomUUID,
  renderCreated,
  renderTask,
  renderRefusal: ({ code, message }) => ({ error: message, code }),
  // AF-40: no parameters.
  readListQuery: () => ({ limit: LIST_LIMIT }),
  // AF-37, AF-38
  streamEvent: () => STREAM_EVENTS.change,
  streamEnd: { event: STREAM_EVENTS.done, data: STREAM_EVENTS.doneData },
  // AF-43
  deletesResult: false,
});
