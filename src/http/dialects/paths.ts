/** Which dialects stand at which path: each under its own prefix, and together where their documents put them. */

import type { Dialect, DialectRoute } from '../../dialects/dialect.ts';
import { Refusal } from '../../domain/failure.ts';
import { isFilledIn, isJsonObject } from '../../domain/json.ts';
import { pathOf, patternOf } from '../route-methods.ts';

/** One dialect's route, and the name it is mounted under. */
export interface Face {
  readonly name: string;
  readonly dialect: Dialect;
  readonly route: DialectRoute;
}

/** A URL of the dialects: who may answer each method, the default first. */
export interface DialectPath {
  readonly url: string;
  readonly pattern: RegExp;
  readonly methods: ReadonlyMap<string, readonly Face[]>;
}

/** Dialects by the name they are mounted under. */
export type DialectTable = Readonly<Record<string, Dialect>>;

/** All URLs of all dialects. */
export function dialectPaths(dialects: DialectTable): readonly DialectPath[] {
  const byUrl = new Map<string, Map<string, Face[]>>();
  const add = (url: string, face: Face) => {
    const methods = byUrl.get(url) ?? new Map<string, Face[]>();
    byUrl.set(url, methods);
    methods.set(face.route.method, [...(methods.get(face.route.method) ?? []), face]);
  };
  for (const [name, dialect] of Object.entries(dialects)) {
    for (const route of dialect.routes) {
      add(route.path, { name, dialect, route });
      add(`/${name}${route.path}`, { name, dialect, route });
    }
  }
  return [...byUrl].map(([url, methods]) => ({ url, pattern: patternOf(url), methods }));
}

/** The dialects' URL that a request names, by any method. */
function findDialectPath(paths: readonly DialectPath[], url: string): DialectPath | undefined {
  const path = pathOf(url);
  return paths.find(({ pattern }) => pattern.test(path));
}

/** Below here all documented APIs but one have their paths. */
const SHARED_START = 'v1';
/** Its errors have what a4f's, infrai's and the older airforce's have, and most clients that ask for what is not here are its. */
const MOST_WIDELY_READ = 'openai';

/**
 * Whose error shape fits a URL: the prefix's dialect, the default one of a documented path or of one beside it, the shape
 * that most clients read where no API's name tells, or none.
 */
export function dialectOfUrl(dialects: DialectTable, paths: readonly DialectPath[], url: string): Dialect | null {
  const prefix = pathOf(url).split('/')[1] ?? '';
  if (Object.hasOwn(dialects, prefix)) return dialects[prefix] ?? null;
  const [faces] = (findDialectPath(paths, url) ?? besides(paths, url))?.methods.values() ?? [];
  return faces?.[0]?.dialect ?? (prefix === SHARED_START ? (dialects[MOST_WIDELY_READ] ?? null) : null);
}

/** How many leading parts make a path an API's own: `/v4/ai` and `/v1/videos` do, `/v1` does not. */
const OWN_PARTS = 2;

/** A documented path beside which an unknown one stands, such as a method of the same API that is not offered. */
function besides(paths: readonly DialectPath[], url: string): DialectPath | undefined {
  const start = (path: string) => path.split('/', OWN_PARTS + 1).join('/');
  const own = start(pathOf(url));
  return paths.find((path) => start(path.url) === own);
}

/** Which of the keys that speak for a face stand in a body; one that is not filled in is absent, here as everywhere. */
function claimedKeys({ route }: Face, body: unknown): readonly string[] {
  const makesVideos = route.kind === 'create' || route.kind === 'createAndWait';
  const ownKeys = makesVideos ? (route.ownKeys ?? []) : [];
  return isJsonObject(body) ? ownKeys.filter((key) => isFilledIn(body[key])) : [];
}

/** What a shared path is decided from. */
interface Speaker {
  /** The caller's own dialect. */
  readonly dialectName: string | null;
  readonly body: unknown;
}

/**
 * X1: who answers a request at a path that several may answer: the caller's own dialect, else the one whose words the
 * body uses, else the default.
 * @throws Refusal `invalid_request` when the body uses the words of two.
 */
export function chooseFace(faces: readonly Face[], { dialectName, body }: Speaker): Face {
  const [byDefault] = faces;
  if (byDefault === undefined) throw new Error('a path without a dialect was mounted');
  const own = faces.find(({ name }) => name === dialectName);
  if (own !== undefined || faces.length === 1) return own ?? byDefault;
  const claims = faces.map((face) => ({ face, keys: claimedKeys(face, body) })).filter(({ keys }) => keys.length > 0);
  if (claims.length > 1) {
    const families = claims.map(({ face, keys }) => `${keys.join(', ')} (${face.name})`).join(' and ');
    const prefixes = claims.map(({ face }) => `/${face.name}`).join(' or ');
    throw new Refusal('invalid_request', `the body mixes keys of two APIs: ${families}; use the prefix ${prefixes}`);
  }
  return claims[0]?.face ?? byDefault;
}
