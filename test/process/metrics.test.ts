/** The metrics of a process: served where a port is set for them, refused where it is taken. */

import { createServer } from 'node:net';
import { pino } from 'pino';
import { ConfigError, loadConfig } from '../../src/config/settings.ts';
import { createProcessMetrics } from '../../src/observe/metrics/process-metrics.ts';
import { Closers } from '../../src/process/closers.ts';
import { startMetrics } from '../../src/process/metrics.ts';
import type { Parts } from '../../src/process/parts.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';

const log = pino({ level: 'silent' });

/** A port that is held until the function is called. */
async function holdPort(): Promise<{ readonly port: number; readonly release: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, release: () => new Promise((resolve) => server.close(() => resolve())) };
}

test('metrics are served with the figures of the catalog, and a taken port is refused with an example', async () => {
  const database = await openMemoryCatalog();
  const closers = new Closers(log);
  const { port, release } = await holdPort();
  const config = loadConfig({ CLIPYARD_METRICS_PORT: String(port) });
  const parts = { config, log, database, metrics: createProcessMetrics() } as unknown as Parts;
  const problem = `CLIPYARD_METRICS_PORT ${port} of 127.0.0.1 is taken; for example CLIPYARD_METRICS_PORT=${port + 1}`;
  await expect(startMetrics({ ...parts, metrics: createProcessMetrics() }, closers)).rejects.toEqual(
    expect.objectContaining({ name: ConfigError.name, message: problem }),
  );
  await release();
  await startMetrics(parts, closers);
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(answer.headers.get('content-type')).toMatch('text/plain; version=0.0.4');
  expect(await answer.text()).toMatch(/^clipyard_catalog_up 1$/m);
  await closers.closeAll();
  await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  await database.close();
});
