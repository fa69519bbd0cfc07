/** `clipyard sandbox`: the stand-in upstream alone. */

import { ConfigError } from '../../config/settings.ts';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { isPortTaken } from '../listen-failure.ts';
import type { ProcessContext } from '../run.ts';
import { whenAborted } from '../stop.ts';
import { printOut } from './printed.ts';

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
