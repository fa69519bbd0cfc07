/** What accounts of clipyard.yaml say of how their requests go out: headers and proxy, filled in from the environment. */

import { NO_PROXIES, type Passage, type Proxies } from '../domain/passage.ts';
import type { Environment } from './entry.ts';
import type { AccountContent } from './file-keys.ts';
import { problemOfHeader, proxyUrl } from './values.ts';

type Said = Pick<AccountContent, 'headers' | 'proxy'>;

/** What stands for a variable of the environment. */
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** What an account says that is to have no proxy although the environment names one. */
const NONE = 'none';

function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(VARIABLE)].map(([, name = '']) => name);
}

function filledIn(text: string, environment: Environment): string {
  return text.replace(VARIABLE, (_whole, name: string) => environment[name] ?? '');
}

/** The environment variables that an account names for its headers and its proxy. */
export function variablesOf({ headers, proxy = '' }: Said): readonly string[] {
  return [...Object.values(headers), proxy].flatMap(variablesIn);
}

/** What is wrong with them, each with its path below the account. */
export function problemsOfPassage(
  { headers, proxy = NONE }: Said,
  environment: Environment,
): readonly (readonly [path: readonly string[], problem: string])[] {
  const problemOf = (text: string, problemOfFilled: (filled: string) => string | null) => {
    const missing = variablesIn(text).filter((name) => (environment[name] ?? '') === '');
    if (missing.length > 0) return `names ${missing.join(', ')}, which is not set`;
    return problemOfFilled(filledIn(text, environment));
  };
  const found = [
    ...Object.entries(headers).map(([name, text]) => [['headers', name], problemOf(text, problemOfHeader)] as const),
    [['proxy'], problemOf(proxy, problemOfProxy)] as const,
  ];
  return found.flatMap(([path, problem]) => (problem === null ? [] : [[path, problem] as const]));
}

function problemOfProxy(text: string): string | null {
  const problem = text === NONE ? undefined : proxyUrl.safeParse(text).error?.issues[0]?.message;
  return problem === undefined ? null : `${problem}, nor ${NONE}`;
}

/** How an account's requests go out; one that names no proxy has that of the environment. */
export function passageOf({ headers, proxy }: Said, environment: Environment, ofEnvironment: Proxies): Passage {
  const filled = Object.entries(headers).map(([name, text]) => [name.toLowerCase(), filledIn(text, environment)]);
  return {
    headers: Object.fromEntries(filled),
    secrets: Object.values(headers)
      .flatMap(variablesIn)
      .flatMap((name) => environment[name] ?? []),
    proxies: proxy === undefined ? ofEnvironment : proxiesAt(filledIn(proxy, environment)),
  };
}

function proxiesAt(text: string): Proxies {
  if (text === NONE) return NO_PROXIES;
  const url = proxyUrl.parse(text);
  return { http: url, https: url, except: [] };
}
