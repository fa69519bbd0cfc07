/** What Temporal's UI and command line ask a codec server for, in their own JSON: every value of the metadata is base64. */

import { z } from 'zod';
import { named } from './fields.ts';

export const CODEC_PATH = '/temporal-codec/';

/** The UI asks with the namespace in the path or in a header, which makes no difference here. */
export const CODEC_PATHS = {
  decode: `${CODEC_PATH}decode`,
  encode: `${CODEC_PATH}encode`,
  decodeIn: `${CODEC_PATH}:namespace/decode`,
  encodeIn: `${CODEC_PATH}:namespace/encode`,
} as const;

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'is not base64');

const payload = z.object({
  metadata: z.record(z.string(), base64).nullish(),
  data: base64.nullish(),
});

/** As Temporal prints payloads in JSON. */
export type PrintedPayload = z.output<typeof payload>;

/** Temporal's command line leaves the list out where it is empty: `{}` is the result of an activity without one. */
export const codecPayloads = named('TemporalPayloads', { payloads: z.array(payload).max(10_000).nullish() });
