/** What Temporal keeps of our workflows, encrypted before it leaves the process: AES-256-GCM under keys with names. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { EncryptionKey } from '../domain/encryption-key.ts';

const PayloadProto = proto.temporal.api.common.v1.Payload;
const CIPHER = 'aes-256-gcm';
/** As Temporal's own examples lay it out, which other teams' workers may use: nonce, cipher text, tag. */
const ENCODING = 'binary/encrypted';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const text = (value: Uint8Array | null | undefined) => Buffer.from(value ?? []).toString();

/** The first key encrypts, all decrypt; what is not encrypted is read as it is, and without keys everything stays so. */
export function createPayloadCodec(keys: readonly EncryptionKey[]): PayloadCodec {
  const decodeAll = async (payloads: Payload[]) => payloads.map((payload) => decode(keys, payload));
  const [current] = keys;
  if (current === undefined) return { encode: async (payloads) => payloads, decode: decodeAll };
  const metadata = { encoding: Buffer.from(ENCODING), 'encryption-key-id': Buffer.from(current.id) };
  return {
    encode: async (payloads) =>
      payloads.map((payload) => ({ metadata, data: encrypt(current, PayloadProto.encode(payload).finish()) })),
    decode: decodeAll,
  };
}

/** A payload with its bytes, as Temporal's tools show it. */
interface BarePayload {
  readonly metadata: Readonly<Record<string, Uint8Array>>;
  readonly data: Uint8Array;
}

/** The codec for payloads that come from elsewhere, with every member present. */
export function createTemporalCodec(keys: readonly EncryptionKey[]) {
  const codec = createPayloadCodec(keys);
  const bare = ({ metadata, data }: Payload): BarePayload => ({
    metadata: { ...metadata },
    data: data ?? new Uint8Array(0),
  });
  return {
    encode: async (payloads: readonly BarePayload[]) => (await codec.encode([...payloads])).map(bare),
    decode: async (payloads: readonly BarePayload[]) => (await codec.decode([...payloads])).map(bare),
  };
}

function decode(keys: readonly EncryptionKey[], payload: Payload): Payload {
  if (text(payload.metadata?.['encoding']) !== ENCODING) return payload;
  const id = text(payload.metadata?.['encryption-key-id']);
  const known = keys.find((key) => key.id === id);
  if (known === undefined) {
    throw new Error(`a payload is encrypted under the key "${id.slice(0, 64)}", which CLIPYARD_ENCRYPTION_KEYS lacks`);
  }
  return PayloadProto.decode(decrypt(known, Buffer.from(payload.data ?? [])));
}

function encrypt({ key }: EncryptionKey, plain: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt({ id, key }: EncryptionKey, data: Buffer): Buffer {
  const end = data.length - TAG_BYTES;
  if (end < NONCE_BYTES) throw new Error('an encrypted payload is cut short');
  const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(data.subarray(end));
  try {
    return Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, end)), decipher.final()]);
  } catch (cause) {
    const key = `the key "${id}" of CLIPYARD_ENCRYPTION_KEYS`;
    throw new Error(`a payload cannot be read with ${key}: it was changed, or another key had this id`, { cause });
  }
}
