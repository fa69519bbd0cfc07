/** Exchanges with a described API: its paths, the key where it wants it, and the fields of a body. */

import { defined } from '../../domain/defined.ts';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import type { ProviderCall } from '../../domain/provider.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { type JsonReply, type JsonRequest, requestJson } from '../../net/trusted/request-json.ts';
import { signedToken } from '../../net/trusted/signed-token.ts';
import type { Description } from '../../wire/description.ts';
import { valuesIn } from '../../wire/description-fields.ts';
import { READ_TIMEOUT_MS, senderOf } from '../read-answer.ts';

/** Headers of every request, by names in lower case; an undefined one is not sent. */
export type DescribedHeaders = Readonly<Record<string, string | undefined>>;

/** The header that carries the key. */
export function keyHeaders({ auth }: Pick<Description, 'auth'>, apiKey: string): Readonly<Record<string, string>> {
  const value = auth.value.replace('$apiKey', () => apiKey).replace('$jwt', () => signedToken(apiKey));
  return { [auth.header.toLowerCase()]: value };
}

/** The same with those that the description sets; a key that has a header of its own is in no other. */
export function headersOf(description: Description, apiKey: string): DescribedHeaders {
  const fixed = Object.entries(description.headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { authorization: undefined, ...Object.fromEntries(fixed), ...keyHeaders(description, apiKey) };
}

type PathValues = Readonly<Record<string, string | undefined>>;

/**
 * A path with its values in it, escaped; those in `{+…}` keep their slashes.
 * @throws UpstreamError `not sent` for a value that would lead to another route.
 */
export function expandPath(template: string, values: PathValues): string {
  return template.replaceAll(/\{(\+?)([^}]*)\}/g, (_whole, plus: string, name: string) => {
    const value = values[name] ?? '';
    const parts = plus === '' ? [value] : value.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..')) {
      throw new UpstreamError('not sent', `${name} cannot stand in the path ${template}`);
    }
    // A colon is as plain in a path as a letter.
    return parts.map((part) => encodeURIComponent(part).replaceAll('%3A', ':')).join('/');
  });
}

interface Question {
  readonly method?: JsonRequest['method'];
  readonly path: string;
  readonly body?: JsonObject;
}

/** One exchange that is no create, answered with any status. */
export function ask(description: Description, call: ProviderCall, question: Question): Promise<JsonReply> {
  const { method = 'GET', path, body } = question;
  return requestJson({
    ...senderOf(call),
    ...{ method, url: call.baseUrl + path, timeoutMs: READ_TIMEOUT_MS },
    headers: headersOf(description, call.apiKey),
    ...defined({ body }),
  });
}

/** What stands for a `$` and a name in a template; undefined where the request has no such thing. */
export type Values = Readonly<Record<string, Json | undefined>>;

/** A template with its values; what holds values and has none of them is left out. */
export function fill(template: Json, values: Values): Json | undefined {
  if (typeof template === 'string') {
    if (template.startsWith('$$')) return template.slice(1);
    return template.startsWith('$') ? values[template.slice(1)] : template;
  }
  if (typeof template !== 'object' || template === null) return template;
  if (Object.keys(template).length > 0 && isEmptied(template, values)) return undefined;
  if (isJsonObject(template)) return fillFields(template, values);
  return template.flatMap((entry) => fill(entry, values) ?? []);
}

/** The fields of a body; those without a value are not there. */
export function fillFields(template: JsonObject, values: Values): JsonObject {
  const filled = Object.entries(template).flatMap(([key, inner]): readonly (readonly [string, Json])[] => {
    const value = fill(inner, values);
    return value === undefined ? [] : [[key, value]];
  });
  return Object.fromEntries(filled);
}

/** Whether a template asks for values, all of which are absent. */
function isEmptied(template: Json, values: Values): boolean {
  const names = valuesIn(template);
  return names.length > 0 && names.every((name) => values[name] === undefined);
}
