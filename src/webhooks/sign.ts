/** Signatures of what is delivered: those of Standard Webhooks, and the AI SDK's own. */

import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The headers of one attempt, signed with each of the secrets; `atSeconds` is the time of the attempt, the id that of the event. */
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

interface JobBody {
  readonly data: { readonly jobId: string; readonly status: string };
}

/** The headers of one attempt at a callback of the AI SDK; `body` is that of `jobEvent`. */
export function gatewaySignedHeaders(
  secret: string,
  { body, atSeconds }: { readonly body: string; readonly atSeconds: number },
): Record<string, string> {
  const { jobId, status } = (JSON.parse(body) as JobBody).data;
  const signed = createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex');
  return {
    'x-ai-gateway-signature': `t=${atSeconds},v1=${signed}`,
    'x-ai-gateway-idempotency-key': `${jobId}-${status}`,
  };
}
