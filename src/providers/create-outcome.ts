/** Sends a billable create and judges how it ended: the rule that decides whether it may ever be sent again. */

import { UnusableImage } from '../domain/image-header.ts';
import type { Json } from '../domain/json.ts';
import type { RefusalReason, StartCall, StartOutcome } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import type { EncodedBody } from '../net/trusted/encoded-body.ts';
import { isPageIn, type JsonReply, type JsonRequest, requestJson, upstreamWords } from '../net/trusted/request-json.ts';
import { upstreamText } from '../net/upstream-text.ts';
import { isSuccess, senderOf } from './read-answer.ts';
import { taskMadeIn, taskOfRequestIn } from './reading/created-task.ts';
import { at, firstOf, holdersIn, numberOf } from './reading/fields.ts';
import { saysError } from './reading/said-error.ts';
import {
  certainReasonIn,
  type Evidence,
  evidenceIn,
  namesRequest,
  reasonIn,
  reasonOfCodes,
  saysNoCredit,
  saysWrongKey,
} from './refusal-words.ts';

/** A create, as far as its answer is judged by it. */
export interface JudgedCreate {
  readonly baseUrl: string;
  /** The documented path, from the base URL on. */
  readonly path: string;
  /** The documented key of a task's id. */
  readonly idKey: string;
  /** What documented codes say, before any words. */
  readonly documentedCodes?: Readonly<Record<string, RefusalReason>>;
  /** What was asked for: an answer may quote it without meaning it. */
  readonly prompt: string;
  readonly upstreamModel: string;
}

interface Create extends Omit<JudgedCreate, 'baseUrl' | 'upstreamModel'> {
  readonly method?: 'POST' | 'PUT';
  /** Only where the provider honours one. */
  readonly idempotencyKey?: string;
  readonly headers?: JsonRequest['headers'];
  /** Where an answer is not judged by the usual names: what it says, in place of `judgeReply`. */
  judge?(reply: JsonReply, create: JudgedCreate): StartOutcome;
  /** Makes the body; when it throws, nothing was sent. */
  makeBody(): Promise<Json | EncodedBody>;
}

/** A server that stopped waiting for us may have begun. */
const REQUEST_TIMEOUT = 408;
/** A proxy's words about the server behind it. */
const BAD_GATEWAY = 502;
const GATEWAY_TIMEOUT = 504;
/** From here on the status is one of a proxy's own making. */
const FIRST_OWN_STATUS = 520;

/** What these say needs no words. */
const PLAIN_REFUSALS: Readonly<Record<number, RefusalReason>> = { 401: 'unauthenticated', 429: 'rate limited' };
/** What these say is told by their words alone: some upstreams refuse a prompt with them, others a key. */
const OPEN_REFUSALS: readonly number[] = [402, 403];
/** What an address answers that takes no creates; a page with another status says the same, unless it is about the size. */
const NO_ROUTE: readonly number[] = [404, 405];
const TOO_LARGE: readonly number[] = [413, 414, 431];

/**
 * Whether a status is the upstream's own answer to a create. A proxy's may come while the server behind it, which the
 * proxy has given up, still enters the task: as if nothing had been heard.
 */
function isUpstreamsAnswer(status: number): boolean {
  const isProxys = status === REQUEST_TIMEOUT || status === BAD_GATEWAY || status === GATEWAY_TIMEOUT;
  return !isProxys && status < FIRST_OWN_STATUS;
}

/** One create on a connection of its own. Never throws. */
export async function sendCreate(call: StartCall, create: Create): Promise<StartOutcome> {
  const { baseUrl, upstreamModel, timeoutMs } = call;
  try {
    const reply = await requestJson({
      ...senderOf(call),
      method: create.method ?? 'POST',
      url: baseUrl + create.path,
      body: await create.makeBody(),
      timeoutMs,
      freshConnection: true,
      ...(create.idempotencyKey !== undefined && { idempotencyKey: create.idempotencyKey }),
      ...(create.headers && { headers: create.headers }),
    });
    const { judge = judgeReply } = create;
    return judge(reply, { ...create, baseUrl, upstreamModel });
  } catch (error) {
    return judgeError(error);
  }
}

/** What a complete answer to a create says became of it. */
export function judgeReply(reply: JsonReply, create: JudgedCreate): StartOutcome {
  const { status } = reply;
  if (isSuccess(reply)) return judgeSuccess(reply, create);
  if (status >= 300 && status < 400) return judgeRedirect(reply, create);
  const evidence = evidenceOf(reply, create);
  const reason = reasonOfStatus(status, evidence, create);
  if (reason === undefined) return lost(reply);
  const isWebsites = reason === 'no route' && evidence.isPage;
  return refused(reply, reason, isWebsites ? { status, message: 'a page, and no answer of an API' } : undefined);
}

function judgeSuccess(reply: JsonReply, create: JudgedCreate): StartOutcome {
  const named = taskMadeIn(reply.body, create.idKey);
  if (named) return { kind: 'started', ...named };
  const refusal = judgeSaidError(reply, create);
  if (refusal) return refusal;
  const numbered = taskOfRequestIn(reply.body);
  return numbered ? { kind: 'started', ...numbered } : lost(reply);
}

/** The refusal that a success is which names no task and says an error; undefined where it says none. */
export function judgeSaidError(reply: JsonReply, create: JudgedCreate): StartOutcome | undefined {
  const evidence = evidenceOf(reply, create);
  const hasCode = evidence.message !== '' && reasonOfCodes(evidence) !== undefined;
  if (!hasCode && ![...holdersIn(reply.body)].some(saysError)) return undefined;
  const code = firstOf(['error.code', 'code', 'error.status', 'status'], (path) => numberOf(at(reply.body, path))) ?? 0;
  const byStatus = code >= 400 && code < 500 ? reasonOfStatus(code, evidence, create) : undefined;
  return refused(reply, byStatus ?? documentedReason(evidence, create) ?? reasonIn(evidence) ?? 'request');
}

/** Undefined where a status, with these words beside it, does not say that no task was made. */
function reasonOfStatus(status: number, evidence: Evidence, create: JudgedCreate): RefusalReason | undefined {
  if (!isUpstreamsAnswer(status)) return undefined;
  if (status >= 500) return certainReasonIn(evidence);
  const plain = PLAIN_REFUSALS[status] ?? documentedReason(evidence, create);
  if (plain) return plain;
  if (OPEN_REFUSALS.includes(status)) return reasonIn(evidence) ?? 'undecided';
  if (saysNoCredit(evidence)) return 'no credit';
  if (saysWrongKey(evidence)) return 'unauthenticated';
  const isNoRoute = NO_ROUTE.includes(status) || (evidence.isPage && !TOO_LARGE.includes(status));
  return isNoRoute && !namesRequest(evidence) ? 'no route' : 'request';
}

function documentedReason({ codes }: Evidence, { documentedCodes = {} }: JudgedCreate): RefusalReason | undefined {
  return firstOf(codes, (code) => (Object.hasOwn(documentedCodes, code) ? documentedCodes[code] : undefined));
}

/** What an answer says of the create, without what the create said. */
export function evidenceOf(reply: JsonReply, { prompt, upstreamModel }: JudgedCreate): Evidence {
  return evidenceIn(reply, { prompt, model: upstreamModel });
}

/** The refusal that an answer is, in its own words. */
export function refused(reply: JsonReply, reason: RefusalReason, words = upstreamWords(reply)): StartOutcome {
  return {
    kind: 'refused',
    reason,
    upstream: words,
    retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs),
  };
}

/** An answer that leaves open whether a task was made. */
export function lost(reply: JsonReply): StartOutcome {
  const { status, body } = reply;
  const problem = body === undefined ? 'the answer is no JSON' : 'the answer names neither a task nor an error';
  const upstream = isSuccess(reply) ? { status, message: problem } : upstreamWords(reply);
  const isPage = isSuccess(reply) && isPageIn(reply);
  return { kind: 'lost', answered: isUpstreamsAnswer(status), upstream, ...(isPage && { isPage }) };
}

/** With these a server that has done what was posted shows where it can be seen. */
const SEE_OTHER: readonly number[] = [302, 303];

/**
 * A create is not followed anywhere, so what answers so has made nothing and never will; but for one that leads below the
 * create's own path, where tasks lie that were made.
 */
function judgeRedirect(reply: JsonReply, { baseUrl, path }: JudgedCreate): StartOutcome {
  const { status, headers } = reply;
  const target = targetOf(headers['location'] ?? '', baseUrl + path);
  const below = target?.split(path)[1] ?? '';
  if (SEE_OTHER.includes(status) && /^\/[^/]/.test(below)) return lost(reply);
  const where = target === undefined ? 'and does not say where to' : `to ${target}`;
  const wanted = target?.endsWith(path) ? target.slice(0, -path.length) : 'one that leads there by itself';
  const message = `the upstream redirects creates ${where}: the account's base URL should be ${wanted}`;
  return { kind: 'refused', reason: 'request', upstream: { status, message: upstreamText(message) } };
}

/** Where a redirect leads, without what may be secret; undefined where it does not say. */
function targetOf(location: string, from: string): string | undefined {
  if (location === '' || !URL.canParse(location, from)) return undefined;
  const { origin, pathname } = new URL(location, from);
  return origin + pathname;
}

function judgeError(error: unknown): StartOutcome {
  if (error instanceof UpstreamError && error.phase !== 'not sent') {
    const answered = error.status !== undefined && isUpstreamsAnswer(error.status);
    return { kind: 'lost', answered, upstream: error.upstream };
  }
  const message = upstreamText(error instanceof Error ? error.message : String(error));
  // Nothing was sent, and never will be: the account is not to blame.
  if (error instanceof UnusableImage) return { kind: 'refused', reason: 'image', upstream: { message } };
  // Everything else happened before the exchange: no connection, a store that cannot be read.
  return { kind: 'not sent', message };
}
