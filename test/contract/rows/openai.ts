/** What the page of the OpenAI-style `/v1/videos` documents, rule by rule. */

import type { Rows } from '../rows.ts';

export const OPENAI_ROWS: Rows = {
  'OV-01': '`POST /v1/videos` makes a video and answers at once.',
  'OV-02': '`/v1/openai/videos` is the same routes again.',
  'OV-03': 'A body is JSON or a form.',
  'OV-04': 'The key comes as a bearer token.',
  'OV-05': 'A content type is required, and another than those two is refused.',
  'OV-06': '`model` is required.',
  'OV-07': '`prompt` is required.',
  'OV-08': '`size` is width and height: a ratio and a quality.',
  'OV-09': '`seconds` is a number or a text of digits.',
  'OV-10': '`input_reference` is a file that the video starts from.',
  'OV-11': '`stream` is taken and changes nothing.',
  'OV-12': 'The example in JSON works as printed.',
  'OV-13': 'The example as a form with a file works as printed.',
  'OV-14': '`id` is `video_…`.',
  'OV-15': '`object` is `video`.',
  'OV-16': '`created_at` is in unix seconds.',
  'OV-17': '`status` starts as `queued`.',
  'OV-18': '`model` is the one in use.',
  'OV-19': '`progress` is a percentage, always there.',
  'OV-20': '`seconds` is answered as text, whichever way it was asked.',
  'OV-21': '`size` is the one that was asked for.',
  'OV-22': '`GET /v1/videos/{id}` shows a video.',
  'OV-23':
    'A bad model, prompt or body is 400, a bad key 401; what the upstream refuses is told in the video, since the create was answered before.',
  'OV-24': 'Content, list, delete and remix are as the SDKs call them.',
};
