/** Ports for servers that are ended and started again at them. */

import { isPortFree } from '../src/temporal/dev-server/process.ts';

/** Below those that systems give to connections, which would be taken while a server is away. */
const FROM = 20_000;
const BELOW = 32_000;

/** A free port. Temporal keeps those of its services in a column that holds none beyond 32,767. */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (BELOW - FROM));
    if (await isPortFree(port)) return port;
  }
}
