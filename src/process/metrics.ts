/** The metrics as a part of a process: counted where a port is given for them, and served there. */

import { readFigures } from '../catalog/figures.ts';
import type { Config } from '../config/settings.ts';
import { addCatalogMetrics } from '../observe/metrics/catalog-metrics.ts';
import { serveMetrics } from '../observe/metrics/server.ts';
import { type CoreMetricsPort, readCoreMetrics } from '../temporal/core-metrics.ts';
import { freePort } from '../temporal/dev-server/process.ts';
import type { Closers } from './closers.ts';
import { listenFailure } from './listen-failure.ts';
import type { Parts } from './parts.ts';

const CATALOG_TIMEOUT_MS = 4000;
/** Several who scrape, or one who scrapes often, cost the catalog no more than this. */
const CATALOG_FRESH_MS = 10_000;

/** Where Temporal's core is to serve what it counts; null where nothing is counted. To be called before workers are. */
export async function coreMetricsPort({ metricsPort }: Pick<Config, 'metricsPort'>): Promise<CoreMetricsPort | null> {
  return metricsPort === null ? null : { port: await freePort(0) };
}

/** Serves the metrics of this process until `closers` closes them, with those of Temporal's core where it has workers. */
export async function startMetrics(
  { config, log, database, metrics }: Parts,
  closers: Closers,
  core: CoreMetricsPort | null = null,
): Promise<void> {
  const { host, metricsPort: port } = config;
  if (metrics === null || port === null) return;
  const { registry } = metrics;
  const refresh = addCatalogMetrics(registry, {
    read: () => readFigures(database.db),
    onProblem: (error) => log.warn({ err: error }, 'the metrics of the catalog could not be read'),
    timeoutMs: CATALOG_TIMEOUT_MS,
    freshMs: CATALOG_FRESH_MS,
  });
  const readCore = (from: CoreMetricsPort) =>
    readCoreMetrics(from).catch((error: unknown) => {
      log.warn({ err: error }, "the metrics of Temporal's core could not be read");
      return '';
    });
  const render = async () => {
    await refresh();
    return [await registry.metrics(), core === null ? '' : await readCore(core)].join('\n');
  };
  const onProblem = (error: unknown) => log.error({ err: error }, 'the metrics could not be rendered');
  try {
    const server = await serveMetrics({ host, port, contentType: registry.contentType, render, onProblem });
    closers.add('metrics', () => server.close());
  } catch (error) {
    throw listenFailure(error, 'CLIPYARD_METRICS_PORT', { host, port });
  }
}
