/** An S3 server of a test's or a benchmark's own: versitygw, built once by the Go toolchain and kept with the user's cache. */

import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Settings } from '../src/media/s3/s3-client.ts';
import { freePort } from '../src/temporal/dev-server/process.ts';
import { endAttended, spawnAttended } from './attended-process.ts';
import { findGoProgram, type GoProgram, runs } from './go-program.ts';

const VERSITYGW: GoProgram = {
  name: 'versitygw',
  version: '1.8.0',
  module: 's3-server',
  package: 'github.com/versity/versitygw/cmd/versitygw',
};
const READY_TRIES = 300;
const BETWEEN_TRIES_MS = 100;

/** The path of a server's program, built now if there is none; null on a machine without the Go toolchain. */
export async function findS3Server(): Promise<string | null> {
  if (await runs('versitygw', ['--version'])) return 'versitygw';
  return await findGoProgram(VERSITYGW);
}

export interface S3Server {
  /** Of a bucket that is there and empty. */
  readonly settings: S3Settings & { readonly endpoint: string; readonly accessKeyId: string };
  /** Ends the server by SIGTERM; it comes back with its objects by `restart`. */
  shutDown(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server; `program` as found. */
export async function startS3Server(program: string): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-s3-'));
  const bucket = 'clips';
  await mkdir(join(folder, bucket));
  const port = await freePort(0);
  const [accessKeyId, secretAccessKey] = ['access-key-of-the-tests', 'secret-key-of-the-tests'];
  const command = [program, '--port', `127.0.0.1:${port}`, 'posix', folder];
  const endpoint = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env['PATH'] ?? '', ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey };
  async function launch(): Promise<ChildProcess> {
    const launched = spawnAttended(command, { signal: 'TERM', output: ['ignore', 'inherit'], env });
    await untilAnswers(endpoint);
    return launched;
  }
  let shell = await launch();
  return {
    settings: { bucket, endpoint, region: null, accessKeyId, secretAccessKey, sessionToken: null },
    async shutDown() {
      await endAttended(shell);
    },
    async restart() {
      shell = await launch();
    },
    async stop() {
      await endAttended(shell);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilAnswers(url: string): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries += 1) {
    if (await fetch(url).catch(() => null)) return;
    await sleep(BETWEEN_TRIES_MS);
  }
  throw new Error(`the S3 server does not answer at ${url}`);
}
