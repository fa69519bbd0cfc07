/** The codec server of Temporal's UI and command line: shows what is encrypted in Temporal to those who have root's key. */

import type { FastifyPluginAsync } from 'fastify';
import { Refusal } from '../domain/failure.ts';
import { CODEC_PATHS, codecPayloads, type PrintedPayload } from '../wire/clipyard/temporal-codec.ts';
import type { Tag } from './own/operation.ts';
import { own } from './own/own.ts';

/** A payload with its bytes. */
export interface RawPayload {
  readonly metadata: Readonly<Record<string, Uint8Array>>;
  readonly data: Uint8Array;
}

/** Both reject for what cannot be read, with a sentence that tells nothing of the payload. */
export interface TemporalCodec {
  encode(payloads: readonly RawPayload[]): Promise<readonly RawPayload[]>;
  decode(payloads: readonly RawPayload[]): Promise<readonly RawPayload[]>;
}

const TEMPORAL: Tag = {
  name: 'temporal',
  description: "A codec server for Temporal's UI and command line, by `CLIPYARD_ENCRYPTION_KEYS`. For root alone.",
};

/** `{"model":"wan"}` as JSON. */
const EXAMPLE = { payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'eyJtb2RlbCI6IndhbiJ9' }] };

function read({ metadata, data }: PrintedPayload): RawPayload {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64')] as const);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data ?? '', 'base64') };
}

function print({ metadata, data }: RawPayload) {
  const entries = Object.entries(metadata).map(
    ([name, value]) => [name, Buffer.from(value).toString('base64')] as const,
  );
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data).toString('base64') };
}

/** `POST /temporal-codec/decode` and `…/encode`, also with a namespace before the verb. */
export function temporalCodecRoutes(codec: TemporalCodec): FastifyPluginAsync {
  return async (app) => {
    const mount = (path: string, verb: keyof TemporalCodec, id: string) =>
      own(app, TEMPORAL, {
        method: 'POST',
        path,
        id,
        summary: verb === 'decode' ? 'Payloads as they were before they were encrypted' : 'Payloads, encrypted',
        access: 'root',
        body: codecPayloads,
        example: EXAMPLE,
        answers: { 200: codecPayloads },
        handle: async ({ body }) => {
          try {
            return { payloads: (await codec[verb]((body.payloads ?? []).map(read))).map(print) };
          } catch (error) {
            throw new Refusal('invalid_request', error instanceof Error ? error.message : 'a payload cannot be read');
          }
        },
      });
    mount(CODEC_PATHS.decode, 'decode', 'decodePayloads');
    mount(CODEC_PATHS.encode, 'encode', 'encodePayloads');
    mount(CODEC_PATHS.decodeIn, 'decode', 'decodePayloadsOfNamespace');
    mount(CODEC_PATHS.encodeIn, 'encode', 'encodePayloadsOfNamespace');
  };
}
