/** Telling videos' workflows what is wished of them, until they have heard of it. */

import type { Db } from '../catalog/driver/database.ts';
import { listUntold, noteTold, type UntoldWish } from '../catalog/wishes.ts';
import type { Log } from '../domain/log.ts';
import { isAway } from '../domain/start-error.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { type Outcomes, tryEach } from './try-each.ts';

export interface WishDependencies {
  readonly db: Db;
  readonly workflows: Pick<VideoWorkflows, 'cancel' | 'signalRecheck'>;
  readonly log: Pick<Log, 'warn'>;
}

/** What came of telling: while Temporal is `away` the next fails as well. */
export type Telling = 'told' | 'away' | 'failed';

/** Tells a workflow of a wish; nothing is thrown. One that does not run reads its rows when it is started. */
export async function tellWish({ db, workflows, log }: WishDependencies, wish: UntoldWish): Promise<Telling> {
  const { videoId, isCancel } = wish;
  try {
    await (isCancel ? workflows.cancel(videoId) : workflows.signalRecheck(videoId));
    await noteTold(db, wish);
    return 'told';
  } catch (error) {
    log.warn({ videoId, error: String(error) }, 'a workflow could not be told of a wish; it is told again');
    return isAway(error) ? 'away' : 'failed';
  }
}

const LIMIT = 1000;

/** Tells the workflows that may not have heard. */
export async function tellWishes(dependencies: WishDependencies): Promise<Outcomes<Telling>> {
  return await tryEach(await listUntold(dependencies.db, LIMIT), (wish) => tellWish(dependencies, wish));
}
