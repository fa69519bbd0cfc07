/** The OpenAPI document as one HTML page for people: no script, nothing loaded, readable in light and dark. */

import { createHash } from 'node:crypto';
import type { OpenApiDocument, OperationObject, ParameterObject, SchemaObject } from './document.ts';
import { STYLE } from './style.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Words with `code` in them. */
function prose(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

const anchorOf = (name: string) => `schema-${name}`;

/** A named schema as a link to where it stands; null for any other. */
function link({ $ref }: SchemaObject): string | null {
  const name = $ref?.split('/').at(-1);
  return name === undefined ? null : `<a href="#${anchorOf(name)}">${escaped(name)}</a>`;
}

/** What a value is, in a few words. */
function typeOf(schema: SchemaObject): string {
  const { anyOf, items, type, format } = schema;
  const named = link(schema);
  if (named !== null) return named;
  if (anyOf) return [...new Set(anyOf.map(typeOf))].join(' or ');
  if (schema.const !== undefined) return `<code>${escaped(JSON.stringify(schema.const))}</code>`;
  if (schema.enum) return schema.enum.map((value) => `<code>${escaped(String(value))}</code>`).join(' ');
  if (items) return `list of ${typeOf(items)}`;
  return escaped(format ?? [type ?? 'anything'].flat().join(' or '));
}

/** The schema that stands behind "or null" and "list of". */
function bare(schema: SchemaObject): SchemaObject {
  if (schema.items) return bare(schema.items);
  const others = schema.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  const [only] = others;
  return only !== undefined && others.length === 1 ? bare(only) : schema;
}

function bounds({ minimum, exclusiveMinimum, maximum, maxLength, default: byDefault }: SchemaObject): string {
  const facts = [
    minimum === undefined ? '' : `at least ${minimum}`,
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    maximum === undefined ? '' : `at most ${maximum}`,
    maxLength === undefined ? '' : `at most ${maxLength} characters`,
    byDefault === undefined ? '' : `default ${JSON.stringify(byDefault)}`,
  ];
  const text = facts.filter((fact) => fact !== '').join(', ');
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

interface Field {
  readonly name: string;
  readonly schema: SchemaObject;
  readonly isRequired: boolean;
  readonly description: string | undefined;
}

function fieldsOf({ properties = {}, required = [] }: SchemaObject, prefix = ''): Field[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`;
    const inner = bare(schema);
    const isRequired = required.includes(name);
    const field = { name: path, schema, isRequired, description: schema.description ?? inner.description };
    return [field, ...fieldsOf(inner, `${path}${schema.items ? '[]' : ''}.`)];
  });
}

function fieldRow({ name, schema, isRequired, description }: Field): string {
  const notes = [description === undefined ? '' : prose(description), escaped(bounds({ ...bare(schema), ...schema }))];
  const optional = isRequired ? '' : ' <small>optional</small>';
  return `<tr><th scope="row"><code>${escaped(name)}</code>${optional}</th><td>${typeOf(schema)}</td><td>${notes
    .filter((note) => note !== '')
    .join(' ')}</td></tr>`;
}

function table(caption: string, rows: readonly string[]): string {
  if (rows.length === 0) return '';
  return `<h4>${escaped(caption)}</h4><div class="wide"><table>${rows.join('')}</table></div>`;
}

function parameterRows(parameters: readonly ParameterObject[], place: ParameterObject['in']): string[] {
  return parameters
    .filter((parameter) => parameter.in === place)
    .map(({ name, schema, required, description }) =>
      fieldRow({ name, schema, isRequired: required === true, description }),
    );
}

const KEYS: Readonly<Record<string, { readonly variable: string; readonly words: string }>> = {
  callerKey: { variable: 'CLIPYARD_API_KEY', words: 'any key' },
  rootKey: { variable: 'CLIPYARD_ROOT_KEY', words: 'root key' },
};

function keyOf({ security }: OperationObject) {
  const [name] = Object.keys(security[0] ?? {});
  return name === undefined ? undefined : KEYS[name];
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const FORM = 'multipart/form-data';

/** What sends a body. */
function sent(mediaType: string, example: unknown): string[] {
  if (mediaType === FORM)
    return Object.entries(example ?? {}).map(([name, value]) => `-F ${quoted(`${name}=${value}`)}`);
  const text = typeof example === 'string' ? example : JSON.stringify(example);
  return [`-H 'content-type: ${mediaType}'`, `-d ${quoted(text)}`];
}

/** A command that makes the request, with words in capitals where the reader has to say what. */
function curl(method: string, url: string, operation: OperationObject): string {
  const key = keyOf(operation);
  const [mediaType = '', { example } = {}] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const needed = operation.parameters.filter((parameter) => parameter.in === 'query' && parameter.required);
  const headers = operation.parameters.filter((parameter) => parameter.in === 'header' && parameter.required);
  const query = needed.map(({ name }) => `${name}=${name.toUpperCase()}`).join('&');
  const place = url.replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase()) + (query && `?${query}`);
  const verbs: Readonly<Record<string, string>> = { get: 'curl -s ', head: 'curl -sI ' };
  const parts = [
    `${verbs[method] ?? `curl -s -X ${method.toUpperCase()} `}${quoted(place)}`,
    ...(key ? [`-H "Authorization: Bearer $${key.variable}"`] : []),
    ...headers.map(({ name, example: value }) => `-H ${quoted(`${name}: ${value ?? name.toUpperCase()}`)}`),
    ...(example ? sent(mediaType, example) : []),
  ];
  return parts.join(' \\\n  ');
}

function answerRows({ summary, responses }: OperationObject): string[] {
  return Object.entries(responses).map(([status, { description, content = {} }]) => {
    const bodies = Object.entries(content).map(([mediaType, { schema }]) =>
      schema === undefined ? `<code>${escaped(mediaType)}</code>` : typeOf(schema),
    );
    // Where the body is one of ours its name says it all.
    const words = description === summary ? '' : prose(description);
    return `<tr><th scope="row">${status}</th><td>${bodies.join(', ') || 'empty'}</td><td>${words}</td></tr>`;
  });
}

/** The members of a body of JSON, or of a form; a body of any other type is one thing. */
function bodyRows({ requestBody }: OperationObject): string[] {
  return Object.entries(requestBody?.content ?? {}).flatMap(([name, { schema = {} }]) => {
    const fields =
      name === 'application/json' || name === FORM
        ? fieldsOf(schema)
        : [{ name, schema, isRequired: true, description: schema.description }];
    return fields.map(fieldRow);
  });
}

function renderOperation(
  place: { readonly method: string; readonly path: string; readonly url: string },
  operation: OperationObject,
) {
  const { method, path, url } = place;
  const { operationId, summary, description, parameters } = operation;
  return `<section class="operation" id="${escaped(operationId)}">
<h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${escaped(path)}</code></h3>
<p>${prose(summary)}. <small class="key">${keyOf(operation)?.words ?? 'no key'}</small></p>
${description === undefined ? '' : `<p>${prose(description)}</p>`}
${table('Path', parameterRows(parameters, 'path'))}${table('Query', parameterRows(parameters, 'query'))}
${table('Headers', parameterRows(parameters, 'header'))}${table('Body', bodyRows(operation))}
<pre><code>${escaped(curl(method, url + path, operation))}</code></pre>
${table('Answers', answerRows(operation))}
</section>`;
}

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

function entriesOf({ paths }: OpenApiDocument): Entry[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
}

function contents({ tags, components }: OpenApiDocument, entries: readonly Entry[]): string {
  const groups = tags.map(({ name }) => {
    const items = entries
      .filter(({ operation }) => operation.tags.includes(name))
      .map(
        ({ method, path, operation }) =>
          `<li><a href="#${escaped(operation.operationId)}"><span class="method ${method}">${method.toUpperCase()}</span> ${escaped(path)}</a></li>`,
      );
    return `<h2>${escaped(name)}</h2><ul>${items.join('')}</ul>`;
  });
  const schemas = Object.keys(components.schemas).map(
    (name) => `<li><a href="#${anchorOf(name)}">${escaped(name)}</a></li>`,
  );
  return `<nav>${groups.join('')}<h2>shapes</h2><ul>${schemas.join('')}</ul></nav>`;
}

/** The whole page. */
export function renderPage(document: OpenApiDocument): string {
  const { info, tags, servers, components } = document;
  const entries = entriesOf(document);
  const url = servers[0]?.url ?? '';
  const groups = tags.map(({ name, description }) => {
    const own = entries.filter(({ operation }) => operation.tags.includes(name));
    const operations = own.map(({ method, path, operation }) => renderOperation({ method, path, url }, operation));
    return `<h2 id="${escaped(name)}">${escaped(name)}</h2><p>${prose(description)}</p>${operations.join('\n')}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<section id="${anchorOf(name)}">${table(name, fieldsOf(schema).map(fieldRow))}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${escaped(info.title)}: HTTP</title><style>${STYLE}</style></head>
<body><header><h1>${escaped(info.title)} <small>${escaped(info.version)}</small></h1><p>${prose(info.description)}</p>
<p>Send your key as <code>Authorization: Bearer …</code>. For programs the same stands in <a href="openapi.json">openapi.json</a>.</p></header>
<details class="menu"><summary>Contents</summary>${contents(document, entries)}</details>
<div class="columns"><aside>${contents(document, entries)}</aside>
<main>${groups.join('\n')}<h2 id="shapes">shapes</h2>${schemas.join('\n')}</main></div></body></html>
`;
}

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Nothing but the page's own style. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
