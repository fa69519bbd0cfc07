/** POST and PUT to a URL that a caller named: HTTPS to a public address unless its host is trusted, and no redirect is followed. */

import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import { hostAndPort } from '../../domain/address.ts';
import { USER_AGENT } from '../user-agent.ts';
import { UnusableUrl } from './fetch.ts';
import { createGuardedConnector } from './guarded-connector.ts';

interface UntrustedTarget {
  readonly url: string;
  /** `host:port` that may be private, and may be spoken to without TLS. */
  readonly trustedHosts: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

export interface UntrustedPost extends UntrustedTarget {
  readonly body: string;
  /** For the status; the body is read as far as it comes within the same time. */
  readonly timeoutMs: number;
}

export interface UntrustedPut extends UntrustedTarget {
  /** Of the length that the headers say; a receiver that takes none of it for five minutes is given up. */
  readonly body: Readable;
  readonly signal: AbortSignal;
}

export interface PostAnswer {
  readonly status: number;
  /** Names in lower case, of one value each. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 4 KB, as far as they came. */
  readonly text: string;
}

const KEPT_BYTES = 4096;

/** What posts to strangers: `postUntrusted`, or what stands in for it. */
export type PostUntrusted = (call: UntrustedPost) => Promise<PostAnswer>;

/** @throws UnusableUrl for a URL that must not be called; BlockedAddress; what the network reports otherwise. */
export async function postUntrusted({ timeoutMs, ...call }: UntrustedPost): Promise<PostAnswer> {
  return await send({ ...call, method: 'POST', signal: AbortSignal.timeout(timeoutMs) });
}

/** What puts a clip where its caller says: `putUntrusted`, or what stands in for it. */
export type PutUntrusted = (call: UntrustedPut) => Promise<PostAnswer>;

/** The same for bytes as they come. */
export async function putUntrusted(call: UntrustedPut): Promise<PostAnswer> {
  return await send({ ...call, method: 'PUT' });
}

interface Sending extends UntrustedTarget {
  readonly method: 'POST' | 'PUT';
  readonly body: string | Readable;
  readonly signal: AbortSignal;
}

async function send(call: Sending): Promise<PostAnswer> {
  const { method, trustedHosts, headers, body, signal } = call;
  const url = new URL(call.url);
  const isTrusted = trustedHosts.includes(hostAndPort(url));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isTrusted)) {
    throw new UnusableUrl(`${url.host} is called by HTTPS alone, unless it is among the trusted hosts`);
  }
  const agent = new Agent({ connect: createGuardedConnector(trustedHosts, {}) });
  try {
    const answer = await request(url, {
      method,
      dispatcher: agent,
      signal,
      headers: { 'user-agent': USER_AGENT, ...headers },
      body,
    });
    const single = Object.entries(answer.headers).map(([name, value]) => [name, [value].flat()[0] ?? ''] as const);
    return { status: answer.statusCode, headers: Object.fromEntries(single), text: await readStart(answer.body) };
  } finally {
    await agent.destroy();
  }
}

/** What came of it: the status is the answer, so a body that breaks off or outlasts the time is none the worse for it. */
async function readStart(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      sizeBytes += chunk.byteLength;
      if (sizeBytes >= KEPT_BYTES) break;
    }
  } catch {
    // The rest is not missed.
  }
  return Buffer.concat(chunks).subarray(0, KEPT_BYTES).toString('utf8');
}
