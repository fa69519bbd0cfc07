/** How many connections a gateway has at once: what its process needs files for itself is kept from them. */

import type { Server } from 'node:net';
import type { Log } from '../domain/log.ts';

/** For the catalog, Temporal, upstreams and clips; a workflow's sandbox that gets none ends the whole process. */
const KEPT_FILES = 512;

/** Of so many files that a process may have open: where they are few, a quarter. */
export function mostConnections(openFiles: number): number {
  return Math.max(Math.floor(openFiles / 4), openFiles - KEPT_FILES);
}

/** How many files the system lets this process have open, since Node asks for as many as it may; null where it does not say. */
export function openFilesOfProcess(): number | null {
  // Without names of peers, which would have to be looked up.
  Object.assign(process.report, { excludeNetwork: true });
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft: unknown } };
  };
  const files = userLimits?.open_files?.soft;
  return typeof files === 'number' ? files : null;
}

/** Has a server close what comes beyond that at once; the log says so once. */
export function boundConnections(server: Server, openFiles: number | null, log: Pick<Log, 'warn'>): void {
  if (openFiles === null) return;
  const most = mostConnections(openFiles);
  server.maxConnections = most;
  server.once('drop', () => {
    log.warn({ connections: most, openFiles }, 'connections beyond what the limit of open files leaves are closed');
  });
}
