/** HTTP with URLs that others named (result links, images): public addresses only, each redirect checked, no key leaks. */

import { hostAndPort } from '../../domain/address.ts';
import type { Proxies } from '../../domain/passage.ts';
import { type Route, routeTo } from '../proxy/route.ts';
import { USER_AGENT } from '../user-agent.ts';
import { createGuardedConnector, requirePublic } from './guarded-connector.ts';
import { type AnswerHead, LentAnswer, type LentBody } from './lent-answer.ts';

export interface UntrustedRequest {
  readonly url: string;
  /** What a `url` without a host of its own is relative to; a folder, whether it ends in a slash or not. */
  readonly baseUrl?: string | undefined;
  /** `host:port` that may be private. */
  readonly trustedHosts: readonly string[];
  readonly method?: 'GET' | 'HEAD';
  /** Sent to every host on the way, so never a secret: names that carry credentials are dropped. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the exchange, the body included. */
  readonly signal: AbortSignal;
  /** To the head of the last answer; after it, a body may be silent for 30 s at most. */
  readonly timeoutMs: number;
  /** Secrets for one origin alone; they are not sent any more once a redirect has left that origin. */
  readonly authorise?: Authority | undefined;
  /** Not for the addresses that stand in a URL and are not public: those are refused before. */
  readonly proxies?: Proxies | undefined;
}

/** What opens one origin: a key, headers, or both. */
export interface Authority {
  readonly origin: string;
  readonly apiKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The answer's head and its body as it comes, which has to be read or dropped. */
export interface UntrustedAnswer extends AnswerHead {
  readonly body: LentBody;
}

/** A URL that is not followed to any host: not HTTP, with credentials in it, or redirecting without end. */
export class UnusableUrl extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnusableUrl';
  }
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const CREDENTIAL_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** What follows a stranger's URL: `fetchUntrusted`, or what measures it. */
export type FetchUntrusted = (call: UntrustedRequest) => Promise<UntrustedAnswer>;

/**
 * Follows a URL to its answer, of any status.
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
  let url = checkUrl(withScheme(call.url), call.baseUrl?.replace(/\/*$/, '/'));
  let authorise = call.authorise;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    if (authorise?.origin !== url.origin) authorise = undefined;
    const route = routeTo(url, call.proxies);
    if (route.proxy !== null) await requirePublic(url, call.trustedHosts);
    const answer = exchange(call, { route, authorise, signal });
    const { status, headers } = await answer.head;
    const { location } = headers;
    if (!REDIRECTS.has(status) || location === undefined) return { status, headers, body: answer };
    answer.drop();
    url = checkUrl(location, url.href);
  }
  throw new UnusableUrl(`${originOf(call.url)} redirects more than ${MAX_REDIRECTS} times`);
}

/** A name with a dot and a letter after it, before the first slash; folders have none. */
const BEGINS_WITH_HOST = /^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z]{2,}(?::\d{1,5})?\//i;

/** A link with its scheme, which some leave out; what is relative stays so. */
export function withScheme(link: string): string {
  const trimmed = link.trim();
  if (trimmed.startsWith('//')) return `https:${trimmed}`;
  return BEGINS_WITH_HOST.test(trimmed) ? `https://${trimmed}` : trimmed;
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
  readonly route: Route;
  readonly authorise: Authority | undefined;
  readonly signal: AbortSignal;
}

function exchange({ method = 'GET', headers = {}, trustedHosts }: UntrustedRequest, hop: Hop): LentAnswer {
  const { route, authorise: { apiKey, headers: own = {} } = {}, signal } = hop;
  signal.throwIfAborted();
  const given = Object.entries(headers).filter(([name]) => !CREDENTIAL_HEADERS.has(name.toLowerCase()));
  return new LentAnswer({
    route,
    method,
    connector: (socketOptions) => createGuardedConnector(directlyTo(route, trustedHosts), socketOptions),
    signal,
    headers: {
      // The bytes are stored and counted as they come.
      'accept-encoding': 'identity',
      'user-agent': USER_AGENT,
      ...Object.fromEntries(given),
      ...own,
      ...route.headers,
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    },
  });
}

/** A proxy is where the operator says it is; what is asked of it was seen to be public before. */
function directlyTo({ proxy }: Route, trustedHosts: readonly string[]): readonly string[] {
  return proxy === null ? trustedHosts : [hostAndPort(proxy)];
}
