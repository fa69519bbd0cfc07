/** Reads a lent body whole, as tests want it. */

import type { LentBody } from '../../src/net/untrusted/lent-answer.ts';

export async function readText(body: LentBody): Promise<string> {
  const pieces: Buffer[] = [];
  await body.read((chunk) => void pieces.push(Buffer.from(chunk)));
  return Buffer.concat(pieces).toString('utf8');
}
