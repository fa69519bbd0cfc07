/** Ports of its own for a dev server that a test stops: other tests' servers take the usual ones as soon as they are free. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../src/temporal/dev-server/process.ts';

/** To be called before the server of this data directory is started for the first time. */
export async function useOwnPorts(dataDir: string): Promise<void> {
  const ports = { port: await freePort(0), uiPort: await freePort(0) };
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, 'temporal.json'), JSON.stringify({ ...ports, pid: null, ownerPid: process.pid }));
}
