/** Signatures of Standard Webhooks: id, timestamp and body under each secret that is active. */

import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The headers of one attempt; `atSeconds` is the time of the attempt, the id that of the event. */
export function signedHeaders(
  secrets: readonly string[],
  { id, body, atSeconds }: { readonly id: string; readonly body: string; readonly atSeconds: number },
): Record<string, string> {
  const signed = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${atSeconds}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': String(atSeconds), 'webhook-signature': signed.join(' ') };
}
