/** How what goes to Temporal is written: as it is, or encrypted, in clients and workers alike. */

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import type { EncryptionKey } from '../domain/encryption-key.ts';
import { createPayloadCodec } from './payload-codec.ts';

/** Compiled, or as it stands. */
const EXTENSION = extname(fileURLToPath(import.meta.url));
const FAILURE_CONVERTER = fileURLToPath(new URL(`../../workflows/encoded-failures${EXTENSION}`, import.meta.url));

/** Undefined without keys: then nothing is encrypted. */
export function dataConverterOf(keys: readonly EncryptionKey[]): DataConverter | undefined {
  if (keys.length === 0) return undefined;
  return { payloadCodecs: [createPayloadCodec(keys)], failureConverterPath: FAILURE_CONVERTER };
}
