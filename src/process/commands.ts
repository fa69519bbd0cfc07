/** The commands that stay: the all-in-one, gateway or workers alone, and the servers that stand in for others. */

import { TASK_QUEUES } from '../../workflows/messages.ts';
import { ROOT_CALLER_ID } from '../catalog/callers.ts';
import type { Config } from '../config/settings.ts';
import { ConfigError } from '../config/settings.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { installTemporalRuntime } from '../temporal/runtime.ts';
import { startAllInOne } from './all-in-one.ts';
import { startGateway } from './gateway.ts';
import { TemporalLink } from './link.ts';
import { isPortTaken } from './listen-failure.ts';
import { coreMetricsPort, startMetrics } from './metrics.ts';
import { openBrowser } from './open-browser.ts';
import { openParts, type Parts } from './parts.ts';
import { rootKeyFile } from './root-key-file.ts';
import type { ProcessContext } from './run.ts';
import { whenAborted } from './stop.ts';
import { discoverUpstreamModels } from './upstream-models.ts';
import { waitFor } from './wait-for.ts';
import { runWorkers } from './workers.ts';

type Print = (line: string) => void;

const printOut: Print = (line) => process.stdout.write(`${line}\n`);

/** A key that was just made is shown this once; later it is in its file. */
export function printRootKey({ rootKey, config }: Parts, print: Print = printOut): void {
  if (rootKey.isNew) print(`root key   ${rootKey.key} (kept in ${rootKeyFile(config.dataDir)})`);
}

/** A link that signs root in to the console, once and within a quarter of an hour. */
export function consoleLink({ config, signInCodes }: Parts): string {
  return `${config.publicUrl}/console/#code=${signInCodes.issue(ROOT_CALLER_ID)}`;
}

/** A line with such a link; returns the link. */
function printConsoleLink(parts: Parts): string {
  const link = consoleLink(parts);
  printOut(`console    ${link} (signs in once)`);
  return link;
}

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

/** One process alone may open the embedded catalog. */
function requireSharedCatalog(config: Config, command: string): void {
  if (config.databaseUrl !== null) return;
  throw new ConfigError(
    `DATABASE_URL is needed by \`clipyard ${command}\`, whose processes share a catalog; ` +
      'for example DATABASE_URL=postgres://clipyard@127.0.0.1:5432/clipyard (one process alone: `clipyard up`)',
  );
}

/** A link to the server that the settings name, once it answers. */
async function openSharedTemporal({ config, traces }: Parts, context: ProcessContext): Promise<TemporalLink> {
  const link = new TemporalLink(config, context, traces);
  const { settings } = link.openExternal();
  await waitFor(`Temporal (TEMPORAL_ADDRESS, ${settings.address})`, () => link.workflows.check(), context);
  return link;
}

const POLLERS_CALL_MS = 2_000;

/** Whether any process works on our workflows, as Temporal sees it. */
async function checkPollers(link: TemporalLink, namespace: string): Promise<void> {
  const { connection } = link.current();
  const { pollers } = await connection.withDeadline(Date.now() + POLLERS_CALL_MS, () =>
    connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: TASK_QUEUES.workflows },
      // Workflow tasks.
      taskQueueType: 1,
    }),
  );
  if ((pollers ?? []).length === 0) throw new Error('no worker polls');
}

/** `clipyard serve`. */
export async function serve(config: Config, context: ProcessContext): Promise<void> {
  requireSharedCatalog(config, 'serve');
  const parts = await openParts(config, context);
  const link = await openSharedTemporal(parts, context);
  const checkWorkers = () => checkPollers(link, config.temporal.namespace);
  await startGateway({ parts, link, checkWorkers, context });
  await startMetrics(parts, context.closers);
  printOut(`gateway    ${config.publicUrl}`);
  // A process that was not trusted with root's key lets no one in as root either.
  if (parts.rootKey.key !== null) printConsoleLink(parts);
  printRootKey(parts);
  await whenAborted(context.stop);
}

/** `clipyard work`. */
export async function work(config: Config, context: ProcessContext): Promise<void> {
  const { log, stop, closers } = context;
  requireSharedCatalog(config, 'work');
  const core = await coreMetricsPort(config);
  installTemporalRuntime(log, core);
  const parts = await openParts(config, context);
  await startMetrics(parts, closers, core);
  printRootKey(parts);
  const link = await openSharedTemporal(parts, context);
  // Beside the start: an upstream that does not answer must not hold it up, and the sweep asks again.
  void discoverUpstreamModels(parts);
  const workers = runWorkers(parts, link);
  closers.add('workers', () => workers.stop());
  await workers.ready;
  if (!stop.aborted) printOut('workers    up');
  await whenAborted(stop);
}

/** `clipyard temporal`. */
export async function temporal(config: Config, context: ProcessContext): Promise<void> {
  if (config.temporal.external) throw new ConfigError('TEMPORAL_ADDRESS or TEMPORAL_PROFILE names a server already');
  const { settings, uiUrl } = await new TemporalLink(config, context).openEmbedded();
  printOut(`temporal   ${settings.address}`);
  printOut(`ui         ${uiUrl}`);
  await whenAborted(context.stop);
}

export interface SandboxCommand {
  readonly host: string;
  readonly port: number;
  readonly speed: number;
  readonly dataDir: string | null;
}

/** `clipyard sandbox`. */
export async function sandbox(options: SandboxCommand, { log, stop, closers }: ProcessContext): Promise<void> {
  const { host, port } = options;
  const running = await startSandbox({ ...options, log: (message) => log.info(message) }).catch((error: unknown) => {
    if (!isPortTaken(error)) throw error;
    throw new ConfigError(`--port ${port} of ${host} is taken; for example --port 0, which is any free one`);
  });
  closers.add('sandbox', () => running.close());
  printOut(`sandbox    ${running.url}`);
  await whenAborted(stop);
}
