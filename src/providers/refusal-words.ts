/** What the words of a refused create are about: tables of codes and sentences by reason, and how they are weighed. */

import { isJsonObject } from '../domain/json.ts';
import type { RefusalReason } from '../domain/provider.ts';
import { isPageIn, type JsonReply } from '../net/trusted/request-json.ts';
import { saidText, wordsIn } from '../net/upstream-words.ts';
import { at } from './reading/fields.ts';

/** What a refusal says, in lower case and without what the caller has said. */
export interface Evidence {
  /** False where the answer is a mere text, or none. */
  readonly isObject: boolean;
  /** The answer is a page, of a website or of a proxy. */
  readonly isPage: boolean;
  readonly codes: readonly string[];
  readonly message: string;
  /** The part of the request that is at fault, where one is named. */
  readonly param: string | undefined;
}

interface Row {
  readonly reason: RefusalReason;
  readonly codes?: RegExp;
  readonly words?: RegExp;
}

const CREDIT_CODE =
  /insufficient.*(?:quota|balance|credit|fund)|(?:quota|balance|credits?)_(?:is_)?(?:not_enough|insufficient|exhausted|exceeded)|not_enough_(?:quota|balance|credit)|out_of_credit|billing|budget_exceeded|payment_required|arrear/;
const CONTENT_CODE =
  /content_?(?:policy|filter|moderation|violation)|policy_violation|moderation|safety|sensitive|nsfw|prohibited|inappropriate|flagged/;
const MODEL_CODE =
  /model_(?:is_)?(?:not_(?:found|supported|allowed|available|enabled|exist)|access|permission|denied|disabled|unsupported)|(?:unknown|unsupported|invalid)_model|no_(?:available_)?channel/;

/** The first row that fits tells; codes are asked before words, since a sentence may quote anything. */
const ROWS: readonly Row[] = [
  {
    reason: 'rate limited',
    codes: /rate_?limit|too_many_requests|throttl/,
    words: /\brate limit|too many requests|请求过于频繁/,
  },
  {
    reason: 'request',
    codes: CONTENT_CODE,
    words:
      /(?:content|usage|safety) (?:policy|policies|filter|moderation|guideline|violation)|moderation|safety (?:system|check)|unsafe|nsfw|sensitive|prohibited|inappropriate|flagged|violat\w*\b.*\bpolic|违规|敏感|审核/s,
  },
  {
    reason: 'no credit',
    codes: CREDIT_CODE,
    words:
      /\b(?:balance|credits?|quota|billing|payments?|top.?up|recharge|budget|funds|prepaid|arrears|overdue)\b|余额|额度|欠费|充值|配额/,
  },
  {
    reason: 'model not allowed',
    codes: MODEL_CODE,
    words:
      /\bmodels?\b.*\b(?:access|allow\w*|permi\w+|authori\w+|entitled|available|enabled|exists?|found|support\w*|plan|tier)\b|\b(?:access|allow\w*|permi\w+|authori\w+|entitled|plan|tier|channels?)\b.*\bmodels?\b|\b(?:plan|tier|subscription)\b|无可用渠道|模型/s,
  },
  {
    reason: 'unauthenticated',
    codes:
      /(?:api_?)?key|token|unauthori[sz]ed|unauthenticated|authentication|(?:account|user|organization)_\w*(?:suspended|disabled|deactivated|frozen|banned|locked|blocked)/,
    words:
      /\b(?:keys?|accounts?|token|credentials?|authenticat\w+|unauthori[sz]ed|organi[sz]ation)\b|令牌|密钥|账号|账户/,
  },
  {
    reason: 'request',
    words: /\b(?:content|polic(?:y|ies)|prompts?|safety|guidelines?)\b|提示词|内容/,
  },
];

/** A part of the request, and what can be wrong with it. */
const PART =
  '(?:size|width|height|resolution|aspect.?ratio|quality|duration|seconds|fps|frames?|prompt|image|input_reference|parameters?)';
const WRONG =
  '(?:unsupported|not supported|invalid|not allowed|must be|is required|out of range|too (?:long|large|small)|exceeds)';

/** For a status that alone leaves open whether a task was made: only what names the request or the model. */
const CERTAIN_ROWS: readonly Row[] = [
  {
    reason: 'model not allowed',
    codes: MODEL_CODE,
    words:
      /no available channels?|无可用渠道|\bmodel\b.*\b(?:not (?:found|exist|support\w*)|does not (?:exist|support|generate)|unsupported|unknown)\b|\b(?:unknown|unsupported|invalid) model\b/s,
  },
  {
    reason: 'request',
    codes:
      /content_?(?:policy|filter|violation)|policy_violation|moderation_blocked|^invalid_(?:request|request_error|value|param(?:eter)?|argument|input|type|prompt|image|size|duration|seconds|resolution|aspect_ratio|quality)s?$|^unsupported_|_not_supported$|^missing_|^validation_error$|^unknown_parameter$/,
    words: new RegExp(`\\b${PART}\\b.*\\b${WRONG}\\b|\\b${WRONG}\\b.*\\b${PART}\\b`, 's'),
  },
];

const WRONG_KEY = /\b(?:incorrect|invalid|wrong)[ _]api[ _]?key\b/;

/** What a request has, and no address: a sentence without any of these is not about the clip. */
const NAMED = new RegExp(
  `\\bmodels?\\b|\\b(?:${PART}|content|inputs?|files?|assets?|voices?|characters?|references?)s?\\b|模型|提示词`,
);

/** Words of a server that speaks of itself or of one behind it: nothing is certain beside them. */
const UNCERTAIN =
  /upstream|time[ds]?.?out|\bconnect|\bresponse\b|internal|unexpected|temporar|overload|traceback|try again|cuda|gpu|memory|database|sql|redis/;

/** So many words in a row are enough to know a text again. */
const ECHO_WORDS = 3;
/** Letters of these stand for words, and nothing between them. */
const WORD = /\p{Script=Han}|[\p{L}\p{N}]+/gu;

/** What an answer says, without what the request said: an upstream may quote it, and callers choose its words. */
export function evidenceIn(reply: JsonReply, request: { readonly prompt: string; readonly model: string }): Evidence {
  const { body, excerpt } = reply;
  const isPage = isPageIn(reply);
  // A page says nothing of this create.
  const { message = body === undefined && !isPage ? excerpt : '' } = wordsIn(body);
  const own = without(without(message, request.prompt), request.model);
  const codes = ['error.code', 'error.type', 'code', 'type', 'error_code', 'error.status'].flatMap((path) => {
    const code = saidText(at(body, path));
    return code === undefined ? [] : [snakeCase(code)];
  });
  const param = saidText(at(body, 'error.param')) ?? saidText(at(body, 'param'));
  return { isObject: isJsonObject(body), isPage, codes, message: own.toLowerCase(), param: param?.toLowerCase() };
}

/** What a refusal is about; undefined where its words do not tell. */
export function reasonIn(evidence: Evidence): RefusalReason | undefined {
  return weigh(ROWS, evidence);
}

/** What a code alone is about; undefined where none of the answer's codes tells. */
export function reasonOfCodes({ codes }: Pick<Evidence, 'codes'>): RefusalReason | undefined {
  return weigh(ROWS, { codes, message: '' });
}

/** What an answer is certainly a refusal for, whose status leaves that open; undefined where it stays open. */
export function certainReasonIn({ isObject, codes, message, param }: Evidence): RefusalReason | undefined {
  if (!isObject) return undefined;
  if (param !== undefined) return param === 'model' ? 'model not allowed' : 'request';
  return weigh(CERTAIN_ROWS, { codes, message: UNCERTAIN.test(message) ? '' : message });
}

/** Whether the words name the model or a part of the request; an address that they quote names nothing. */
export function namesRequest({ codes, message, param }: Evidence): boolean {
  const said = [...codes.map((code) => code.replaceAll('_', ' ')), message.replaceAll(/\S*\/\S*/g, ' ')];
  return param !== undefined || said.some((words) => NAMED.test(words)) || reasonOfCodes({ codes }) === 'request';
}

/** Whether an answer says that the key is wrong, which some say with a status that tells nothing. */
export function saysWrongKey({ codes, message }: Evidence): boolean {
  return codes.some((code) => WRONG_KEY.test(code)) || WRONG_KEY.test(message);
}

/** Whether a code says that the account has nothing left to pay with. */
export function saysNoCredit({ codes }: Evidence): boolean {
  return codes.some((code) => CREDIT_CODE.test(code));
}

function weigh(
  rows: readonly Row[],
  { codes, message }: Pick<Evidence, 'codes' | 'message'>,
): RefusalReason | undefined {
  const byCode = rows.find((row) => codes.some((code) => row.codes?.test(code)));
  return (byCode ?? rows.find((row) => row.words?.test(message)))?.reason;
}

/** `insufficient_user_quota` of that, of `InsufficientUserQuota` and of `INSUFFICIENT-USER-QUOTA`. */
function snakeCase(code: string): string {
  return code
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9一-鿿]+/g, '_');
}

/**
 * A message without the words that stand in the same order in another text: upstreams quote in part, in other letters,
 * and with other signs in between.
 */
function without(message: string, echoed: string): string {
  const known = wordsOf(echoed).map(({ word }) => word);
  // A single letter says nothing.
  if (known.join('').length < 2) return message;
  const said = wordsOf(message);
  let own = '';
  let from = 0;
  for (let index = 0; index < said.length; ) {
    const count = countEchoed(said, index, known);
    const [first, last] = [said[index], said[index + count - 1]];
    index += Math.max(1, count);
    if (count === 0 || !first || !last) continue;
    own += `${message.slice(from, first.start)} `;
    from = last.end;
  }
  return own + message.slice(from);
}

interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

function wordsOf(text: string): readonly Word[] {
  return [...text.matchAll(WORD)].map(({ 0: word, index }) => {
    return { word: word.toLowerCase(), start: index, end: index + word.length };
  });
}

/** How many words from `index` on stand so in the known text, the last of them perhaps cut; of a short one it is all or none. */
function countEchoed(said: readonly Word[], index: number, known: readonly string[]): number {
  let most = 0;
  for (let start = 0; start < known.length; start += 1) {
    let count = 0;
    while (start + count < known.length && said[index + count]?.word === known[start + count]) count += 1;
    if (count < Math.min(ECHO_WORDS, known.length)) continue;
    const cut = said[index + count]?.word;
    const isCut = cut !== undefined && known[start + count]?.startsWith(cut) === true;
    most = Math.max(most, isCut ? count + 1 : count);
  }
  return most;
}
