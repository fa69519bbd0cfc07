/** Whether an answer says of itself that it is an error, apart from its status code. */

import type { JsonObject } from '../../domain/json.ts';
import { wordsIn } from '../../net/upstream-words.ts';
import { numberOf } from './fields.ts';
import { meaningOf } from './status-words.ts';

/** From here on a code is one of HTTP's for errors, or a number of the upstream's own. */
const FIRST_ERROR_CODE = 400;

/** An `error` that says something, a success that is denied, or a code or status that stands for one. */
export function saysError(answer: JsonObject): boolean {
  const { error, errors, success, ok, code, status } = answer;
  if (error === true || [success, ok].some((said) => said === false || said === 'false')) return true;
  if ([error, errors].some((said) => Object.keys(wordsIn(said)).length > 0)) return true;
  return isErrorCode(code) || isErrorCode(status);
}

function isErrorCode(said: unknown): boolean {
  const number = numberOf(said);
  if (number !== undefined) return number >= FIRST_ERROR_CODE;
  return typeof said === 'string' && (meaningOf(said) === 'failed' || /^(?:fail|err)/i.test(said.trim()));
}
