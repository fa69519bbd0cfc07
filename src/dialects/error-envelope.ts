/** The error shape that OpenAI's clients read: message, type, param and code. */

import type { Refusal } from '../domain/failure.ts';
import type { DialectAnswer } from './dialect.ts';
import { refusalText } from './refusal-words.ts';

/** Contract, 3.4: clients choose their error class by status; the type is for people and logs. */
const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  429: 'rate_limit_error',
};

/** Which class of error a status stands for. */
export function errorType(status: number): string {
  return TYPE_OF_STATUS[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
}

/** A refusal in that shape; `param` under the name that the dialect has for it. */
export function errorEnvelope(
  refusal: Refusal,
  { code, param }: { readonly code: string; readonly param: string | undefined },
): DialectAnswer {
  const { httpStatus } = refusal;
  const error = { message: refusalText(refusal, param), type: errorType(httpStatus), param: param ?? null, code };
  return { status: httpStatus, body: { error } };
}
