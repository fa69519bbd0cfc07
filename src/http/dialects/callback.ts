/** Where a create wants to be told of its end, in its body or in a header, beside what its dialect says of it. */

import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../../domain/failure.ts';
import { isFilledIn, isJsonObject } from '../../domain/json.ts';
import { checkReceiverUrl } from '../../domain/receiver-url.ts';
import { CALLBACK_KEY } from '../../domain/video-request.ts';
import type { CreateCallback } from '../../gateway/orders.ts';

const CALLBACK_HEADER = 'x-callback-url';

export interface CallbackSource {
  readonly headers: IncomingHttpHeaders;
  readonly body?: unknown;
  /** The dialect's own parameter, whose URL is told in the dialect's own words. */
  readonly own?: { readonly param: string; readonly url: string } | undefined;
}

/** For an order of videos; empty where it names no URL. @throws Refusal `invalid_request` naming the parameter. */
export function readCallback(
  { headers, body, own }: CallbackSource,
  trustedHosts: readonly string[],
): { readonly callback?: CreateCallback } {
  const inBody = isJsonObject(body) ? body[CALLBACK_KEY] : undefined;
  const all: readonly (readonly [string, unknown])[] = [
    [own?.param ?? '', own?.url],
    [CALLBACK_KEY, inBody],
    [CALLBACK_HEADER, headers[CALLBACK_HEADER]],
  ];
  const [first, ...others] = all.filter(([, url]) => isFilledIn(url));
  if (first === undefined) return {};
  const [param, url] = first;
  if (typeof url !== 'string') throw new Refusal('invalid_request', `${param}: must be an HTTPS URL`, { param });
  checkReceiverUrl(param, url, { trustedHosts });
  for (const [also, other] of others) {
    if (other === url) continue;
    throw new Refusal('invalid_request', `${also}: differs from ${param}`, { param: also });
  }
  return { callback: { url, tells: own ? 'the job' : 'each clip' } };
}
