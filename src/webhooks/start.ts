/** Starting the workflows of deliveries: as soon as they are committed, and until they are started. */

import { claimUnstarted, listProbes, noteStarted, parkDeliveries } from '../catalog/deliveries.ts';
import type { CatalogDatabase, Db } from '../catalog/driver/database.ts';
import { DELIVERY_CHANNEL } from '../catalog/events.ts';
import { eachAtOnce } from '../domain/at-once.ts';
import type { Log } from '../domain/log.ts';

export interface DeliveryStart {
  readonly db: Db;
  /** Starts a delivery's workflow; one that runs is told to try now. */
  readonly startDelivery: (id: string) => Promise<void>;
  readonly log: Pick<Log, 'warn'>;
}

const PAGE = 100;
const AT_ONCE = 8;

/** Starts all deliveries that no process has started or is starting: how many. What fails is found again later. */
export async function startDeliveries({ db, startDelivery, log }: DeliveryStart): Promise<number> {
  let started = 0;
  await parkDeliveries(db);
  for (;;) {
    const ids = await claimUnstarted(db, PAGE);
    let failed = 0;
    await eachAtOnce(ids, AT_ONCE, async (id) => {
      try {
        await startDelivery(id);
        await noteStarted(db, id);
        started++;
      } catch (error) {
        failed++;
        log.warn({ deliveryId: id, error: String(error) }, 'a delivery could not be started; it is tried again');
      }
    });
    if (failed > 0 || ids.length < PAGE) return started;
  }
}

/** Has one delivery tried at each endpoint that has only failed, to find out whether it is back. */
async function tryFailing({ db, startDelivery, log }: DeliveryStart): Promise<void> {
  try {
    await eachAtOnce(await listProbes(db), AT_ONCE, startDelivery);
  } catch (error) {
    log.warn({ error: String(error) }, 'an endpoint that fails could not be tried; it is tried again');
  }
}

/** How often it is looked for what was not heard of, and what could not be started. */
const AGAIN_MS = 10_000;

/** Starts deliveries as they are committed, until the returned function is called. */
export async function watchDeliveries(
  database: Pick<CatalogDatabase, 'listen'>,
  start: DeliveryStart,
): Promise<() => Promise<void>> {
  let isWoken = false;
  let running: Promise<void> | null = null;
  const run = async () => {
    while (isWoken) {
      isWoken = false;
      await startDeliveries(start).catch((error: unknown) => {
        start.log.warn({ error: String(error) }, 'deliveries could not be read; they are read again');
      });
    }
    running = null;
  };
  const wake = () => {
    isWoken = true;
    running ??= run();
  };
  const stop = await database.listen(DELIVERY_CHANNEL, { onPayload: wake, onGap: wake });
  const timer = setInterval(() => {
    void tryFailing(start);
    wake();
  }, AGAIN_MS);
  wake();
  let stopping: Promise<void> | null = null;
  const close = async () => {
    clearInterval(timer);
    isWoken = false;
    await stop();
    await running;
  };
  return () => {
    stopping ??= close();
    return stopping;
  };
}
