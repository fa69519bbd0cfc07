/** HTTP with URLs that others named (result links, images): public addresses only, each redirect checked, no key leaks. */

import type { Readable } from 'node:stream';
import { type Agent, type Dispatcher, request } from 'undici';
import { createGuardedAgent } from './guarded-agent.ts';
import { USER_AGENT } from './user-agent.ts';

export interface UntrustedRequest {
  readonly url: string;
  /** `host:port` that may be private. */
  readonly trustedHosts: readonly string[];
  readonly method?: 'GET' | 'HEAD';
  /** Sent to every host on the way, so never a secret: names that carry credentials are dropped. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the exchange, the body included. */
  readonly signal: AbortSignal;
  /** To the head of the last answer; after it, a body may be silent for 30 s at most. */
  readonly timeoutMs: number;
  /** A key for one origin alone; it is not sent any more once a redirect has left that origin. */
  readonly authorise?: { readonly origin: string; readonly apiKey: string };
}

/** The answer's head and its body as it comes; whoever gets it reads the body or destroys it. */
export interface UntrustedAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
  /** After redirects. */
  readonly url: string;
}

/** A URL that is not followed whatever its host: not HTTP, with credentials in it, or redirecting without end. */
export class UnusableUrl extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnusableUrl';
  }
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const CREDENTIAL_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie']);

const agents = new Map<string, Agent>();

function agentFor(trustedHosts: readonly string[]): Agent {
  const key = [...trustedHosts].sort().join(',');
  const agent = agents.get(key) ?? createGuardedAgent(trustedHosts);
  agents.set(key, agent);
  return agent;
}

/** Ends all exchanges with untrusted hosts and closes their connections. */
export async function closeUntrustedConnections(): Promise<void> {
  const closing = [...agents.values()].map((agent) => agent.destroy());
  agents.clear();
  await Promise.all(closing);
}

/**
 * Follows a URL to its answer, of whatever status.
 * @throws BlockedAddress when it leads to an address that is not public, UnusableUrl when it must not be followed;
 *   what the network reports otherwise.
 */
export async function fetchUntrusted(call: UntrustedRequest): Promise<UntrustedAnswer> {
  const deadline = new AbortController();
  const late = () => deadline.abort(new Error(`no answer from ${originOf(call.url)} within ${call.timeoutMs} ms`));
  const timer = setTimeout(late, call.timeoutMs);
  const signal = AbortSignal.any([call.signal, deadline.signal]);
  try {
    return await followRedirects(call, signal);
  } finally {
    clearTimeout(timer);
  }
}

async function followRedirects(call: UntrustedRequest, signal: AbortSignal): Promise<UntrustedAnswer> {
  let url = checkUrl(call.url);
  let authorise = call.authorise;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    if (authorise?.origin !== url.origin) authorise = undefined;
    const answer = await exchangeOnce(call, { url, apiKey: authorise?.apiKey, signal });
    const { location } = answer.headers;
    if (!REDIRECTS.has(answer.statusCode) || typeof location !== 'string') return readAnswer(answer, url);
    quieten(answer.body).destroy();
    url = checkUrl(location, url.href);
  }
  throw new UnusableUrl(`${originOf(call.url)} redirects more than ${MAX_REDIRECTS} times`);
}

/** Messages name a link's origin only: the rest may be signed, and so a secret. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'the link';
}

function checkUrl(text: string, base?: string): URL {
  if (!URL.canParse(text, base)) throw new UnusableUrl('the link is not a URL');
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UnusableUrl(`a link with ${url.protocol} is not followed, only http: and https:`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UnusableUrl(`a link to ${url.host} with credentials in it is not followed`);
  }
  return url;
}

interface Hop {
  readonly url: URL;
  readonly apiKey: string | undefined;
  readonly signal: AbortSignal;
}

async function exchangeOnce(call: UntrustedRequest, { url, apiKey, signal }: Hop): Promise<Dispatcher.ResponseData> {
  signal.throwIfAborted();
  const given = Object.entries(call.headers ?? {}).filter(([name]) => !CREDENTIAL_HEADERS.has(name.toLowerCase()));
  const answer = request(url, {
    method: call.method ?? 'GET',
    dispatcher: agentFor(call.trustedHosts),
    signal,
    headers: {
      // The bytes are stored and counted as they come.
      'accept-encoding': 'identity',
      'user-agent': USER_AGENT,
      ...Object.fromEntries(given),
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    },
  });
  return await unlessAborted(answer, signal);
}

/** undici hears an abort only once it is connected, which a name server can delay for long. */
async function unlessAborted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([pending, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A stream whose error nobody hears ends the process, and destroying a body makes one. */
function quieten(body: Readable): Readable {
  return body.on('error', () => {});
}

function readAnswer({ statusCode, headers, body }: Dispatcher.ResponseData, url: URL): UntrustedAnswer {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { status: statusCode, headers: flat, body: quieten(body), url: url.href };
}
