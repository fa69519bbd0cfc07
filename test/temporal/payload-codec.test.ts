/** What is encrypted before Temporal gets it: round trips, rotation, and what cannot be read. */

import { randomBytes } from 'node:crypto';
import { ApplicationFailure, defaultPayloadConverter, type Payload } from '@temporalio/common';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { failureConverter } from '../../workflows/encoded-failures.ts';

const OLD = { id: 'old', key: randomBytes(32) };
const NEW = { id: 'new', key: randomBytes(32) };
const PROMPT = 'a red fox in the snow';

const plain = () => [defaultPayloadConverter.toPayload({ prompt: PROMPT })] as Payload[];
const valuesOf = (payloads: Payload[]) => payloads.map((payload) => defaultPayloadConverter.fromPayload(payload));
const metadataOf = ({ metadata }: Payload) =>
  Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString()]));

test('a payload comes back as it was, and shows nothing of itself', async () => {
  const codec = createPayloadCodec([NEW]);
  const [encrypted = {}] = await codec.encode(plain());
  expect(metadataOf(encrypted)).toEqual({ encoding: 'binary/encrypted', 'encryption-key-id': 'new' });
  expect(Buffer.from(encrypted.data ?? []).includes('fox')).toBe(false);
  expect(valuesOf(await codec.decode([encrypted]))).toEqual([{ prompt: PROMPT }]);
});

test('the same payload is never encrypted alike', async () => {
  const codec = createPayloadCodec([NEW]);
  const [first, second] = await codec.encode([...plain(), ...plain()]);
  expect(Buffer.from(first?.data ?? []).equals(Buffer.from(second?.data ?? []))).toBe(false);
});

test('after a rotation the first key encrypts, and what the old one encrypted is read', async () => {
  const before = await createPayloadCodec([OLD]).encode(plain());
  const rotated = createPayloadCodec([NEW, OLD]);
  expect(valuesOf(await rotated.decode(before))).toEqual([{ prompt: PROMPT }]);
  const [after = {}] = await rotated.encode(plain());
  expect(metadataOf(after)['encryption-key-id']).toBe('new');
});

test('what was written before there were keys is read as it is', async () => {
  expect(valuesOf(await createPayloadCodec([NEW]).decode(plain()))).toEqual([{ prompt: PROMPT }]);
});

test('without keys nothing is encrypted, and what is cannot be read', async () => {
  const none = createPayloadCodec([]);
  expect(valuesOf(await none.encode(plain()))).toEqual([{ prompt: PROMPT }]);
  const encrypted = await createPayloadCodec([NEW]).encode(plain());
  await expect(none.decode(encrypted)).rejects.toThrow('under the key "new", which CLIPYARD_ENCRYPTION_KEYS lacks');
});

test('a payload of another key with the same id is refused, and the key is named', async () => {
  const encrypted = await createPayloadCodec([{ ...NEW, key: Buffer.alloc(32, 9) }]).encode(plain());
  await expect(createPayloadCodec([NEW]).decode(encrypted)).rejects.toThrow(
    'cannot be read with the key "new" of CLIPYARD_ENCRYPTION_KEYS',
  );
});

test.each<[string, (data: Buffer) => Uint8Array]>([
  ['changed', (data) => data.fill(0, 20, 24)],
  ['cut', (data) => data.subarray(0, 20)],
])('a payload that was %s is refused', async (_how, spoil) => {
  const codec = createPayloadCodec([NEW]);
  const [encrypted = {}] = await codec.encode(plain());
  await expect(codec.decode([{ ...encrypted, data: spoil(Buffer.from(encrypted.data ?? [])) }])).rejects.toThrow();
});

test("a failure's words and stack go where payloads go", () => {
  const failure = failureConverter.errorToFailure(
    ApplicationFailure.nonRetryable(`refused: ${PROMPT}`, 'upstream_refused'),
    defaultPayloadConverter,
  );
  const { encodedAttributes, ...shown } = failure;
  expect(JSON.stringify(shown)).not.toContain('fox');
  expect(shown.applicationFailureInfo?.type).toBe('upstream_refused');
  expect(Buffer.from(encodedAttributes?.data ?? []).toString()).toContain(PROMPT);
  expect(failureConverter.failureToError(failure, defaultPayloadConverter).message).toBe(`refused: ${PROMPT}`);
});
