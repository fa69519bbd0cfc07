/** The sandbox inside an all-in-one process: it keeps its port, for submissions remember where they were sent. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../config/settings.ts';
import type { Log } from '../observe/log.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { isPortTaken } from './listen-failure.ts';

const HOST = '127.0.0.1';
const FIRST_PORT = 8788;

const recordSchema = z.object({ port: z.int().min(1).max(65_535) });

function rememberedPort(file: string): number {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).port;
  } catch {
    return FIRST_PORT;
  }
}

/** Starts the sandbox and gives it to the accounts that wait for its address. */
export async function startEmbeddedSandbox(
  config: Config,
  log: Log,
): Promise<{ readonly config: Config; readonly sandbox: Sandbox }> {
  const file = join(config.dataDir, 'sandbox.json');
  const dataDir = join(config.dataDir, 'sandbox');
  mkdirSync(dataDir, { recursive: true });
  const listenAt = (port: number) =>
    startSandbox({ host: HOST, port, dataDir, speed: 1, log: (message) => log.debug({ part: 'sandbox' }, message) });
  // Tried instead of asked for: what is free now may be another process's the next moment.
  const sandbox = await listenAt(rememberedPort(file)).catch((error: unknown) => {
    if (isPortTaken(error)) return listenAt(0);
    throw error;
  });
  writeFileSync(file, `${JSON.stringify({ port: sandbox.port })}\n`);
  const accounts = config.accounts.map((account) =>
    account.baseUrl === '' ? { ...account, baseUrl: sandbox.url } : account,
  );
  return { config: { ...config, accounts }, sandbox };
}
