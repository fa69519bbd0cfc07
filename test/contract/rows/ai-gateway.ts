/** What the client of the AI SDK's gateway sends and expects, read by running it, rule by rule. */

import type { Rows } from '../rows.ts';

export const AI_GATEWAY_ROWS: Rows = {
  'GW-01':
    '`POST /video-model` makes a video and keeps the answer open: heartbeats, then one event with the clips or the error.',
  'GW-02': '`POST /video-model/start` answers an operation at once; the same idempotency key is the same operation.',
  'GW-03': '`POST /video-model/status` tells of an operation: pending, completed with its clips, error or cancelled.',
  'GW-04': 'A clip is told as a signed link and its media type.',
  'GW-05': 'What the model cannot do is a warning beside the answer.',
  'GW-06': 'Errors are an object of message, type and parameter, with their status.',
};
