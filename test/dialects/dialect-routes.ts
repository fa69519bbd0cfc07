/** A dialect's routes and views of videos, as tests of dialects ask for them. */

import type { Dialect, DialectRequest, DialectRoute, RouteKind, VideoView } from '../../src/dialects/dialect.ts';
import { Refusal } from '../../src/domain/failure.ts';
import type { Video } from '../../src/domain/video.ts';

/** The first route of a kind; of those at a path where it is named. */
export function routeOf<K extends RouteKind>(dialect: Dialect, kind: K, path?: string): DialectRoute<K> {
  const isWanted = (route: DialectRoute): route is DialectRoute<K> =>
    route.kind === kind && (path === undefined || route.path === path);
  const route = dialect.routes.find(isWanted);
  if (route === undefined) throw new Error(`no ${kind} route`);
  return route;
}

/** A request with nothing in it but what is given. */
export function requestOf(parts: Partial<DialectRequest>): DialectRequest {
  return { params: {}, query: {}, headers: {}, body: undefined, ...parts };
}

/** With links where there would be some, however late it is by now. */
export function viewOf(video: Video): VideoView {
  const isServed = video.archive !== null && video.state === 'completed' && video.purgedAt === null;
  const [clipUrl, posterUrl] = isServed
    ? ['https://clips.example/clip.mp4', 'https://clips.example/poster.jpg']
    : [null, null];
  return { video, clipUrl, posterUrl, linksExpireAt: video.expiresAt };
}

/** The refusal that a call ends in. */
export function refusalOf(call: () => unknown): Refusal {
  try {
    call();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
