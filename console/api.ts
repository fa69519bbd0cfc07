/** Requests to our own routes with the session's cookie; what is refused is thrown in the gateway's own words. */

import { signal } from '@preact/signals';
import type { Page } from './answers.ts';

/** What a route refused with. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body['detail'] === 'string' ? body['detail'] : `the gateway answered ${status}`);
    this.status = status;
    this.code = typeof body['code'] === 'string' ? body['code'] : 'unknown';
    this.body = body;
  }
}

/** Counts requests that were turned away for want of a session: who watches it asks for a key. */
export const turnedAway = signal(0);

export interface Asking {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Printed as JSON, unless it is text or a file. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

const V1 = '/clipyard/v1';
const OFFLINE = 'the gateway cannot be reached; it is asked again when you try once more';

/** Errors of the dialects stand one level deeper or are a text. */
function problemOf(status: number, body: unknown): Problem {
  if (typeof body !== 'object' || body === null) return new Problem(status, {});
  const error = (body as { error?: unknown }).error;
  if (typeof error === 'string') return new Problem(status, { ...body, detail: error });
  if (typeof error === 'object' && error !== null) {
    return new Problem(status, { ...error, detail: (error as { message?: unknown }).message });
  }
  return new Problem(status, body as Record<string, unknown>);
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `crypto.randomUUID` is there over HTTPS and on this machine alone. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');
}

interface Change {
  readonly idempotencyKey: string;
  /** Null where none came. */
  answer: Promise<unknown> | null;
}

/** What was asked for and is not answered yet, by what it is: asked for once more, it is the same change. */
const changes = new Map<string, Change>();

/** @throws Problem with status 0 where no answer came. */
export function ask<Answer>(path: string, asking: Asking = {}): Promise<Answer> {
  const { method = 'GET', body } = asking;
  if (method === 'GET') return send(path, asking);
  const content = body instanceof File ? [body.name, body.size, body.lastModified] : body;
  const what = JSON.stringify([method, path, content]);
  const change = changes.get(what) ?? { idempotencyKey: newKey(), answer: null };
  changes.set(what, change);
  change.answer ??= send<Answer>(path, { idempotencyKey: change.idempotencyKey, ...asking }).then(
    (answer) => {
      changes.delete(what);
      return answer;
    },
    (error: unknown) => {
      if (error instanceof Problem && error.status > 0) changes.delete(what);
      else change.answer = null;
      throw error;
    },
  );
  return change.answer as Promise<Answer>;
}

async function send<Answer>(path: string, asking: Asking): Promise<Answer> {
  const { method = 'GET', body, contentType = 'application/json', idempotencyKey, signal: abort } = asking;
  const isRaw = typeof body === 'string' || body instanceof Blob;
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = contentType;
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
  const url = path.startsWith('/') ? path : `${V1}/${path}`;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body !== undefined && { body: isRaw ? body : JSON.stringify(body) }),
      ...(abort && { signal: abort }),
    });
  } catch (cause) {
    if (abort?.aborted) throw cause;
    throw new Problem(0, { detail: OFFLINE, code: 'unreachable' });
  }
  const answer = await readBody(response);
  if (response.ok) return answer as Answer;
  if (response.status === 401) turnedAway.value += 1;
  throw problemOf(response.status, answer);
}

/** `POST` with a JSON body. */
export function post<Answer>(path: string, body: unknown = {}, more: Asking = {}): Promise<Answer> {
  return ask<Answer>(path, { ...more, method: 'POST', body });
}

export interface PagesAsked {
  /** Of one page. */
  readonly limit: number;
  /** How many pages are read at most. */
  readonly most: number;
  readonly query?: Parameters<typeof queryOf>[0];
  /** Where the page before ended. */
  readonly cursor?: string | null;
  readonly signal?: AbortSignal;
}

/** The first pages of a list as one. */
export async function readPages<Item>(path: string, asked: PagesAsked): Promise<Page<Item>> {
  const { limit, most, query, cursor = null, signal } = asked;
  const items: Item[] = [];
  let nextCursor = cursor;
  for (let page = 0; page < most; page++) {
    const which = queryOf({ ...query, limit, cursor: nextCursor });
    const answer: Page<Item> = await ask(path + which, signal ? { signal } : {});
    items.push(...answer.items);
    nextCursor = answer.nextCursor;
    if (nextCursor === null) break;
  }
  return { items, nextCursor };
}

/** What went wrong, in words. */
export function wordsOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return 'something went wrong that has no words';
}

/** A signed link of the gateway as this page may load it: at its own origin, of any host that the link names. */
export function local(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

/** A query of what is chosen, in the order of its names; empty values are left out. */
export function queryOf(chosen: Readonly<Record<string, string | number | null | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(chosen)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
