/** `clipyard up`: everything in one process. */

import type { Config } from '../../config/settings.ts';
import { startAllInOne } from '../all-in-one.ts';
import { startMetrics } from '../metrics.ts';
import { openBrowser } from '../open-browser.ts';
import type { ProcessContext } from '../run.ts';
import { whenAborted } from '../stop.ts';
import { printConsoleLink, printOut, printRootKey } from './printed.ts';

/** `clipyard up`. */
export async function up(config: Config, context: ProcessContext): Promise<void> {
  const { parts, sandboxUrl, working, core } = await startAllInOne(config, context);
  await startMetrics(parts, context.closers, core);
  printOut(`gateway    ${config.publicUrl}`);
  const link = printConsoleLink(parts);
  printOut(`data       ${config.dataDir}`);
  printRootKey(parts);
  if (sandboxUrl !== null) printOut(`upstream   sandbox at ${sandboxUrl} (no clipyard.yaml: nothing is paid)`);
  if (config.hasDesktop) openBrowser(link);
  const stopped = whenAborted(context.stop);
  const opened = await Promise.race([working, stopped]);
  if (opened) printOut(`temporal   ${opened.uiUrl ?? 'external, TEMPORAL_UI_URL is not set'}`);
  await stopped;
}
