/** The metrics as a part of a process: counted where a port is given for them, and served there. */

import { readFigures } from '../catalog/figures.ts';
import { ConfigError } from '../config/settings.ts';
import { addCatalogMetrics } from '../observe/metrics/catalog-metrics.ts';
import { serveMetrics } from '../observe/metrics/server.ts';
import type { Closers } from './closers.ts';
import type { Parts } from './parts.ts';
import { isPortTaken } from './taken-port.ts';

const CATALOG_TIMEOUT_MS = 4000;
/** Several who scrape, or one who scrapes often, cost the catalog no more than this. */
const CATALOG_FRESH_MS = 10_000;

/** Serves the metrics of this process until `closers` closes them; nothing where no port is set. */
export async function startMetrics({ config, log, database, metrics }: Parts, closers: Closers): Promise<void> {
  const { host, metricsPort: port } = config;
  if (metrics === null || port === null) return;
  const { registry } = metrics;
  const refresh = addCatalogMetrics(registry, {
    read: () => readFigures(database.db),
    onProblem: (error) => log.warn({ err: error }, 'the metrics of the catalog could not be read'),
    timeoutMs: CATALOG_TIMEOUT_MS,
    freshMs: CATALOG_FRESH_MS,
  });
  const render = async () => {
    await refresh();
    return await registry.metrics();
  };
  const onProblem = (error: unknown) => log.error({ err: error }, 'the metrics could not be rendered');
  try {
    const server = await serveMetrics({ host, port, contentType: registry.contentType, render, onProblem });
    closers.add('metrics', () => server.close());
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    throw new ConfigError(
      `CLIPYARD_METRICS_PORT ${port} of ${host} is taken; for example CLIPYARD_METRICS_PORT=${port + 1}`,
      { cause: error },
    );
  }
}
