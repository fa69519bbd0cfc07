/** Kinds of values that settings and keys of clipyard.yaml have, each with what is said of one that does not fit. */

import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import type { EncryptionKey } from '../domain/encryption-key.ts';

/** Text in which `problemOf` finds nothing wrong. */
export function textWithout(problemOf: (text: string) => string | null) {
  return z.string().superRefine((text, context) => {
    const problem = problemOf(text);
    if (problem !== null) context.addIssue(problem);
  });
}

/** Text of this form. */
export const textLike = (form: RegExp, problem: string) => z.string().regex(form, problem);

function notWhole(min: number, max: number): string {
  return `is not a whole number from ${min} to ${max}`;
}

export function wholeNumber(min: number, max: number) {
  const problem = notWhole(min, max);
  return z.number(problem).int(problem).min(min, problem).max(max, problem);
}

/** The same, written in text. */
export function wholeNumberText(min: number, max: number) {
  return textLike(/^[0-9]{1,9}$/, notWhole(min, max))
    .transform(Number)
    .pipe(wholeNumber(min, max));
}

export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `is not one of ${words.join(', ')}` });
}

/** `a, b` as a list. */
export const commaSeparated = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;

function isHostPort(text: string): boolean {
  const port = Number(HOST_PORT.exec(text)?.[2] ?? 0);
  return port >= 1 && port <= 65_535;
}

/** `host:port` with a port that exists; IPv6 in brackets. */
export const hostPort = z.string().refine(isHostPort, 'is not host:port');

/** True for `0.0.0.0` and `::` in any spelling: every address of the machine to listen at, and none to call. */
export function isWildcard(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) && ipaddr.process(bare).range() === 'unspecified';
}

function problemOfWebUrl(text: string): string | null {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) return 'is not an http or https URL';
  const { username, password } = new URL(text);
  return username + password === '' ? null : 'carries a user name or a password';
}

/** Whether the text is a scheme, a host and a port, as browsers send them. */
export function isOrigin(text: string): boolean {
  return problemOfWebUrl(text) === null && new URL(text).origin === text;
}

function problemOfBaseUrl(text: string): string | null {
  return problemOfWebUrl(text) ?? (/[?#]/.test(text) ? 'carries a query or a fragment' : null);
}

const withoutTrailingSlash = (url: string) => url.replace(/\/+$/, '');

/** An http or https URL without credentials; a trailing slash goes. */
export const webUrl = textWithout(problemOfWebUrl).transform(withoutTrailingSlash);
/** A web URL that paths are put behind. */
export const baseUrl = textWithout(problemOfBaseUrl).transform(withoutTrailingSlash);

function problemOfDatabase(url: string): string | null {
  const isPostgres = URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol);
  return isPostgres ? null : 'is not a PostgreSQL URL';
}

export const databaseUrl = textWithout(problemOfDatabase);

function problemOfProxy(text: string): string | null {
  // A port of its own may look like a scheme.
  const url = withScheme(text);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return 'is not an http or https URL of a proxy';
  const { pathname, search, hash } = new URL(url);
  return pathname + search + hash === '/' ? null : 'carries more than the host and the port of a proxy';
}

const withScheme = (text: string) => (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);

/** A proxy, perhaps with credentials and, as other programs take it, without a scheme. */
export const proxyUrl = textWithout(problemOfProxy).transform((text) => new URL(withScheme(text)).href);

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Said by us with each request, or of the connection. */
const OWN_HEADERS =
  /^(?:accept(?:-encoding)?|authorization|connection|content-(?:length|type)|expect|host|idempotency-key|if-range|keep-alive|last-event-id|proxy-.*|range|te|trailer|transfer-encoding|upgrade|user-agent)$/i;

/** What is wrong with the name of a header that an operator adds. */
export function problemOfHeaderName(name: string): string | null {
  if (!HEADER_NAME.test(name)) return 'is not the name of a header';
  return OWN_HEADERS.test(name) ? 'is a header that is sent already' : null;
}

/** What is wrong with what it holds. */
export function problemOfHeader(value: string): string | null {
  return /^[\x20-\x7e]{1,4096}$/.test(value) ? null : 'holds nothing, or characters that a header cannot carry';
}

/** The documented paths of upstreams, or their beginning; a proxy may have a `/v1` of its own further ahead. */
const ENDPOINT =
  /^(.*)(\/v1(?:\/(?:videos?|models|openai|chat|images|completions|responses|batches|files)(?:\/.*)?)?)$/i;

/** A base URL of an API whose paths begin with `/v1`. */
export const apiBaseUrl = baseUrl.superRefine((url, context) => {
  const { origin, pathname } = new URL(url);
  const [, before, endpoint] = ENDPOINT.exec(pathname) ?? [];
  if (endpoint !== undefined) context.addIssue(`ends in ${endpoint}: write what stands before it, ${origin}${before}`);
});

function problemOfSecret(text: string): string | null {
  return /^[\x21-\x7e]{1,512}$/.test(text) ? null : 'holds spaces or characters that a header cannot carry';
}

const LEAST_SECRET_LENGTH = 20;

/** A key that a header carries. */
export const secret = textWithout(problemOfSecret);
/** A key that the operator chooses: what opens everything or signs links must not be guessed. */
export const longSecret = textWithout(
  (text) =>
    problemOfSecret(text) ??
    (text.length < LEAST_SECRET_LENGTH ? `has fewer than ${LEAST_SECRET_LENGTH} characters` : null),
);

const KEY_BYTES = 32;
const NAMED_KEY = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/_-]{43}=?)$/;

function readEncryptionKey(text: string): EncryptionKey | null {
  const [, id = '', base64 = ''] = NAMED_KEY.exec(text) ?? [];
  const key = Buffer.from(base64, 'base64');
  return key.length === KEY_BYTES ? { id, key } : null;
}

/** `id:base64,…` as keys of 32 bytes, each id once. */
export const encryptionKeys = commaSeparated.transform((texts, context) => {
  const keys = texts.map(readEncryptionKey).filter((key) => key !== null);
  const ids = new Set(keys.map(({ id }) => id));
  if (ids.size === texts.length) return keys;
  context.addIssue('is not a list of id:base64 with 32 bytes each, every id once');
  return z.NEVER;
});
