/** What docs/routes.md says of routes, printed from the dialects' tables and from the OpenAPI document of our own. */

import type { Dialect } from '../../src/dialects/dialect.ts';
import { DIALECTS } from '../../src/dialects/index.ts';
import { buildOpenApi, type OpenApiDocument } from '../../src/http/openapi/document.ts';
import { mountOwnRoutes } from '../http/own/own-routes.ts';
import { code, printTable } from './table.ts';

/** Routes in their order; those that mean the same, such as one at two paths, in one row. */
function printDialect({ routes }: Dialect): string {
  const byMeaning = new Map<string, string[]>();
  for (const { method, path, meaning } of routes) {
    const route = code(`${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    byMeaning.set(meaning, [...(byMeaning.get(meaning) ?? []), route]);
  }
  const rows = [...byMeaning].map(([meaning, names]) => [names.join(', '), meaning]);
  return printTable(['route', 'answer'], rows);
}

type Operation = NonNullable<OpenApiDocument['paths'][string]>[string];

const WHO = { callerKey: 'any', rootKey: 'root' } as const;

function keyOf({ security }: Operation): string {
  const [scheme] = Object.keys(security[0] ?? {});
  return scheme === undefined ? '-' : WHO[scheme as keyof typeof WHO];
}

/** What it takes: `?limit=&cursor=`, and the members of the body, those that may be absent with a question mark. */
function inputOf({ parameters, requestBody }: Operation): string {
  const query = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => `${name}=`);
  const { properties, required = [] } = requestBody?.content['application/json']?.schema ?? {};
  const members = Object.keys(properties ?? {}).map((name) => `${name}${required.includes(name) ? '' : '?'}`);
  return [
    ...(query.length === 0 ? [] : [code(`?${query.join('&')}`)]),
    ...(members.length === 0 ? [] : [code(`{${members.join(',')}}`)]),
  ].join(' ');
}

async function printOwn(): Promise<string> {
  const { operations: mounted } = await mountOwnRoutes();
  const { paths } = buildOpenApi(mounted, { url: 'http://gateway', version: '0' });
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      // What GET answers, without its body.
      .filter(([method]) => method !== 'head')
      .map(([method, operation]) => {
        const { summary, description } = operation;
        const answer = [summary, description].filter((text) => text !== undefined).join('. ');
        return [code(`${method.toUpperCase()} ${path}`), keyOf(operation), inputOf(operation), answer];
      }),
  );
  return printTable(['route', 'key', 'takes', 'answer'], rows);
}

/** The parts of docs/routes.md. */
export const ROUTE_PARTS = {
  ...Object.fromEntries(
    Object.values(DIALECTS).map((dialect) => [`routes of ${dialect.name}`, () => printDialect(dialect)]),
  ),
  'routes of our own': printOwn,
};
