/** What an attempt knows of its create is worth waiting for the catalog: nothing else knows it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isCatalogAway } from '../catalog/driver/database-error.ts';

const BETWEEN_TRIES_MS = 500;

/** Does the work, and again as long as the catalog is away: until then, by the worker's clock. It may be done twice. */
export async function outlastCatalog<Result>(untilMs: number, work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isCatalogAway(error) || Date.now() > untilMs) throw error;
    }
    await sleep(BETWEEN_TRIES_MS);
  }
}
