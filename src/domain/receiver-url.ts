/** Where callers may have us tell them of ends, as far as a URL's text tells; names are checked when they are called. */

import { hostAndPort, isLiteralPrivateAddress } from './address.ts';
import { Refusal } from './failure.ts';

/** Of a URL, in characters. */
export const LONGEST_URL = 2048;

interface ReceiverRules {
  /** `host:port` that an operator allows. */
  readonly trustedHosts: readonly string[];
  /** Of the URL, in characters; `LONGEST_URL` when absent. */
  readonly longest?: number;
}

/**
 * Refuses a URL that is not HTTPS at a public address, unless its host is trusted.
 * @throws Refusal `invalid_request` naming the parameter.
 */
export function checkReceiverUrl(
  param: string,
  text: string,
  { trustedHosts, longest = LONGEST_URL }: ReceiverRules,
): void {
  const refuse = (problem: string) => new Refusal('invalid_request', `${param}: ${problem}`, { param });
  if (text.length > longest) throw refuse(`must not be longer than ${longest} characters`);
  if (!URL.canParse(text)) throw refuse('must be an HTTPS URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw refuse('must hold no credentials');
  const isTrusted = trustedHosts.includes(hostAndPort(url));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isTrusted)) throw refuse('must be an HTTPS URL');
  if (!isTrusted && isLiteralPrivateAddress(url.hostname)) throw refuse(`names the private address ${url.hostname}`);
}
