/** `sweep`: an hour of sweeps, so that the list of closed workflows is not one of sweeps. */

import { ActivityFailure, isCancellation, patched, setCurrentDetails, sleep } from '@temporalio/workflow';
import type { SweepReport } from '../activities/sweep.ts';
import { sweeping } from './activity-options.ts';

/** One a minute; the schedule, which asks each minute, starts the next run as soon as this one has closed. */
const SWEEPS_IN_A_RUN = 60;

/** Older runs swept once. */
const SWEEPS_FOR_AN_HOUR = 'sweeps-for-an-hour';

/** Sweeps each minute; its result is what the last sweep did, and current details show it meanwhile. */
export async function sweep(): Promise<SweepReport | null> {
  if (!patched(SWEEPS_FOR_AN_HOUR)) return await sweeping.sweep();
  for (let left = SWEEPS_IN_A_RUN - 1; left > 0; left--) {
    const minute = sleep('1 minute', { summary: `until the next of ${left} sweeps` });
    await Promise.all([minute, sweepOnce()]);
  }
  return await sweepOnce();
}

/** What could not be swept is swept by the next one. */
async function sweepOnce(): Promise<SweepReport | null> {
  try {
    const report = await sweeping.sweep();
    setCurrentDetails(describe(report));
    return report;
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    setCurrentDetails(`the last sweep failed: ${error.cause?.message ?? error.message}`);
    return null;
  }
}

function describe(report: SweepReport): string {
  const lines = Object.entries(report).map(
    ([what, done]) => `- ${what}: ${Array.isArray(done) ? done.join('; ') || 0 : done}`,
  );
  return ['**the last sweep**', '', ...lines].join('\n');
}
