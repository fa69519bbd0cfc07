/** What a4f documents, rule by rule. */

import type { Rows } from '../rows.ts';

export const A4F_ROWS: Rows = {
  'A4-01': '`POST /v1/video/generations` answers when the clip is made.',
  'A4-02': 'The body is JSON and the key a bearer token.',
  'A4-03': '`model` is required and may have a slash.',
  'A4-04': '`prompt` is required.',
  'A4-05': '`quality` is required: `480p`, `720p` or `1080p`.',
  'A4-06': '`duration` is required: a whole number from 1 to 8.',
  'A4-07': '`ratio` is one of five, `9:16` when left out.',
  'A4-08': '`created` is when the clip was completed, in unix seconds.',
  'A4-09': '`data` is a list with one entry.',
  'A4-10': '`b64_json` is the MP4 in base64, written as it is read.',
  'A4-11': '`url` is there and null.',
  'A4-12': '`revised_prompt` is there and null.',
  'A4-13': '`provider-2/seedance-lite` makes 5 seconds at most, in 1080p.',
  'A4-14': '`provider-2/kling-v2.1` makes 5 seconds at most, in 720p and 1080p.',
  'A4-15': '`provider-2/sora-2` makes 4 seconds at most, in 720p and 1080p.',
  'A4-16': '`provider-2/veo-fast` makes 8 seconds at most, in 720p and 1080p.',
  'A4-17': '`provider-2/seedance-pro` makes 5 seconds at most, in 1080p.',
  'A4-18': '`provider-2/sora-2-pro` makes 5 seconds at most, in 720p and 1080p.',
  'A4-19': '`provider-2/veo` makes 8 seconds at most, in 720p and 1080p.',
  'A4-20': {
    rule: 'Some models are recommended for every day, others for rare use.',
    untested: 'advice to buyers',
  },
  'A4-21': 'What is missing, of the wrong kind or out of every range is 400 `invalid_request_error`.',
  'A4-22': 'Seconds or a quality beyond the model are 400 `n_exceeds_model_limit`.',
  'A4-23': 'A missing or bad key is 401 `invalid_api_key`.',
  'A4-24': 'A model that the caller may not use is 403 `permission_denied_error`.',
  'A4-25': 'Too many requests or videos are 429 `rate_limit_exceeded`.',
  'A4-26': 'A clip that could not be made is 500 `provider_error`.',
  'A4-27': 'The word of an error stands in `error.code`, its class in `error.type`.',
  'A4-28': 'There is no list, read or cancel: who hangs up finds the video by its id in other routes.',
};
