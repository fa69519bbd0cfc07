/** Secrets at rest that have to be read again: sealed with AES-256-GCM under the key of the settings. */

import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What a sealed text begins with, so that another way of sealing can be told from this one. */
const VERSION = 'v1.';

export interface SecretBox {
  seal(secret: string): string;
  /** @throws Error for a text that was sealed with another key, or was changed. */
  open(sealed: string): string;
  /** A secret that is kept nowhere: always the same for a name. */
  derive(name: string): string;
}

/** Seals and opens with this key, which may have any length. */
export function createSecretBox(secretKey: string): SecretBox {
  const key = createHash('sha256').update(secretKey).digest();
  return {
    derive: (name) => createHmac('sha256', key).update(`derived ${name}`).digest('base64url'),
    seal(secret) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce);
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    open(sealed) {
      const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64url');
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch (cause) {
        throw new Error('a secret cannot be read with this CLIPYARD_SECRET_KEY', { cause });
      }
    },
  };
}
