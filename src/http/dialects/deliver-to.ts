/** Where a create wants its clip delivered, in its body or in a header: a presigned PUT into storage of the caller's own. */

import type { IncomingHttpHeaders } from 'node:http';
import { refuse } from '../../dialects/read-body.ts';
import { DELIVER_KEY, type DeliveryTarget } from '../../domain/clip-delivery.ts';
import { isFilledIn, isJsonObject, type JsonObject } from '../../domain/json.ts';
import { checkReceiverUrl } from '../../domain/receiver-url.ts';

const DELIVER_HEADER = 'x-deliver-to';
/** Signatures are long, and so are the session tokens that temporary keys bring along. */
const LONGEST_PRESIGNED = 8192;
/** Headers that storage services sign: what they do with the object, and no credentials. */
const SIGNABLE =
  /^(?:content-(?:type|disposition|encoding|language|md5)|cache-control|x-(?:amz|goog|ms)-[a-z0-9-]{1,64})$/;
const PRINTABLE = /^[\x20-\x7e]{1,1024}$/;
const MOST_HEADERS = 16;

function readHeaders(given: unknown): Record<string, string> {
  if (given === undefined || given === null) return {};
  const headers = isJsonObject(given) ? Object.entries(given) : null;
  if (headers === null || headers.length > MOST_HEADERS) {
    refuse(DELIVER_KEY, `headers must be an object of at most ${MOST_HEADERS} texts`);
  }
  return Object.fromEntries(
    headers.map(([name, value]) => {
      if (!SIGNABLE.test(name.toLowerCase())) refuse(DELIVER_KEY, 'a header is none that storage services sign');
      if (typeof value !== 'string' || !PRINTABLE.test(value)) refuse(DELIVER_KEY, `${name} must be a short text`);
      return [name.toLowerCase(), value];
    }),
  );
}

/** A URL by itself, or with the headers that were signed with it. */
function readTarget(given: unknown): JsonObject {
  if (typeof given === 'string') return { url: given };
  if (isJsonObject(given)) return given;
  refuse(DELIVER_KEY, 'must be an HTTPS URL, or an object of url and headers');
}

/** For an order of one video; empty where it names no place. @throws Refusal `invalid_request` naming the parameter. */
export function readDeliverTo(
  { headers, body }: { readonly headers: IncomingHttpHeaders; readonly body: unknown },
  trustedHosts: readonly string[],
): { readonly deliverTo?: DeliveryTarget } {
  const inBody = isJsonObject(body) && isFilledIn(body[DELIVER_KEY]) ? body[DELIVER_KEY] : null;
  const inHeader = headers[DELIVER_HEADER] || null;
  if (inBody === null && inHeader === null) return {};
  if (inBody !== null && inHeader !== null) refuse(DELIVER_HEADER, `${DELIVER_KEY} stands in the body already`);
  const param = inBody === null ? DELIVER_HEADER : DELIVER_KEY;
  const { url, headers: signed, ...others } = readTarget(inBody ?? inHeader);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) refuse(param, 'has url and headers, and nothing else');
  if (typeof url !== 'string') refuse(param, 'must be an HTTPS URL');
  checkReceiverUrl(param, url, { trustedHosts, longest: LONGEST_PRESIGNED });
  return { deliverTo: { url, headers: readHeaders(signed) } };
}
