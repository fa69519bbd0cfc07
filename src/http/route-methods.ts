/** Which methods the application's routes take, collected as they are mounted: what a wrong method is answered with. */

import type { FastifyInstance } from 'fastify';

/** The path part of a request's URL, as the router takes it: double slashes are one, and one at the end is none. */
export function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  return path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
}

/** Matches the paths of a route whose parameters are whole segments, such as `/v1/videos/:id`, or the rest of it, `*`. */
export function patternOf(route: string): RegExp {
  const segments = route.split('/').map((part) => {
    if (part === '*') return '.+';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^$()[\]]/g, '\\$&');
  });
  return new RegExp(`^${segments.join('/')}$`);
}

/**
 * Collects the routes that are mounted from here on.
 * @returns the methods that a URL takes, none where there is no such route.
 */
export function collectMethods(app: FastifyInstance): (url: string) => readonly string[] {
  const byRoute = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const route = byRoute.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    byRoute.set(url, route);
    for (const name of [method].flat()) route.methods.add(name);
  });
  return (url) => {
    const path = pathOf(url);
    // A path that is a route's own word for word is no id of another one, though the router would take it for one.
    const itself = byRoute.get(path);
    if (itself) return [...itself.methods];
    // The router looks for each method by itself, so a path may be one route's for one and another's for the next.
    const matching = [...byRoute.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(matching.flatMap(({ methods }) => [...methods]))];
  };
}
