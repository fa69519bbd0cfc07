/** `clipyard restore`: after an older copy of catalog or Temporal was put back, and before anything else is started. */

import type { Config } from '../config/settings.ts';
import { type RestoreReport, restore as restoreCatalog } from '../recovery/restore.ts';
import { TemporalLink } from './link.ts';
import { openParts } from './parts.ts';
import type { ProcessContext } from './run.ts';
import { waitFor } from './wait-for.ts';

function print({ told, begunAgain, lookedFor, mayBePaidAgain }: RestoreReport): string {
  return [
    `runs       ${told} open workflows look at their rows before any slot is granted`,
    `lost       ${begunAgain} videos that the catalog does not have begin again, and find their tasks`,
    `tasks      of ${lookedFor} videos that may have one already are looked for in their accounts' lists before any is made`,
    ...(mayBePaidAgain.length === 0
      ? []
      : [
          'paid again may be these, since no list tells of their tasks:',
          ...mayBePaidAgain.map((id) => `           ${id}`),
        ]),
    'now start the other processes',
  ].join('\n');
}

/** Runs the restore, and ends. */
export async function restore(config: Config, context: ProcessContext): Promise<void> {
  const parts = await openParts(config, context);
  const link = new TemporalLink(config, context);
  await link.openEmbedded();
  await waitFor('Temporal', () => link.workflows.check(), context);
  const report = await restoreCatalog({
    db: parts.database.db,
    workflows: link.workflows,
    keepDays: config.keepDays,
  });
  process.stdout.write(`${print(report)}\n`);
}
