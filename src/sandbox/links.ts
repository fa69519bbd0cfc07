/** Result links that work without a key until they expire, signed with a secret that outlives restarts. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expiresAtMs, type SandboxTask } from './task.ts';

const SECRET_BYTES = 32;
export const RESULT_PATH = '/_sandbox/results';

/** Makes and checks the links of one sandbox. */
export class ResultLinks {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** Path and query; the caller knows under which origin it was asked. */
  pathOf(task: SandboxTask): string {
    const expires = Math.floor(expiresAtMs(task) / 1000);
    return `${RESULT_PATH}/${task.id}?expires=${expires}&signature=${this.#sign(task.id, expires).toString('hex')}`;
  }

  /** True for a signature of ours whose time is not over. */
  allows(link: { taskId: string; expires: number; signature: string }, nowMs: number): boolean {
    const expected = this.#sign(link.taskId, link.expires);
    const given = Buffer.from(link.signature, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected) && nowMs < link.expires * 1000;
  }

  #sign(taskId: string, expires: number): Buffer {
    return createHmac('sha256', this.#secret).update(`${taskId}.${expires}`).digest();
  }
}

/** The secret kept in `file`, made when it is not there; without a file one for this process. */
export function openLinkSecret(file: string | null): Buffer {
  const kept = file !== null && existsSync(file) ? readFileSync(file) : null;
  // A file of another length was cut short by a kill, before any link was signed with it.
  if (kept?.length === SECRET_BYTES) return kept;
  const secret = randomBytes(SECRET_BYTES);
  if (file !== null) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, secret, { mode: 0o600 });
  }
  return secret;
}
