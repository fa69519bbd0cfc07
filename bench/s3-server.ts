/** An S3 server of a test's or a benchmark's own: versitygw, built once by the Go toolchain and kept with the user's cache. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { packageRoot } from '../src/config/package-root.ts';
import { userCacheDir } from '../src/config/settings.ts';
import type { S3Settings } from '../src/media/s3/s3-client.ts';
import { freePort } from '../src/temporal/dev-server/process.ts';

/** The pinned version of tools/s3-server; the cache is kept by it. */
const VERSION = '1.8.0';
const PACKAGE = 'github.com/versity/versitygw/cmd/versitygw';
const BUILD_MS = 10 * 60_000;
const READY_TRIES = 300;
const BETWEEN_TRIES_MS = 100;

const run = promisify(execFile);

async function runs(program: string, args: readonly string[]): Promise<boolean> {
  return await run(program, [...args]).then(
    () => true,
    () => false,
  );
}

/** The path of a server's program, built now if there is none; null on a machine without the Go toolchain. */
export async function findS3Server(): Promise<string | null> {
  if (await runs('versitygw', ['--version'])) return 'versitygw';
  const program = join(userCacheDir(process.env), `versitygw-${VERSION}`, 'versitygw');
  if (existsSync(program)) return program;
  if (!(await runs('go', ['version']))) return null;
  await buildOnce(program);
  return program;
}

/** Several test files may need it at once: one builds, the others wait for it. */
async function buildOnce(program: string): Promise<void> {
  const lock = `${program}.building`;
  await mkdir(dirname(program), { recursive: true });
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      if (existsSync(program)) return;
      const begunMs = await stat(lock).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      // The process that built was killed.
      if (Date.now() - begunMs > BUILD_MS) await rm(lock, { recursive: true, force: true });
      await sleep(BETWEEN_TRIES_MS);
    }
  }
  try {
    if (existsSync(program)) return;
    process.stderr.write('building the S3 server of the tests with Go, once: about 2 minutes\n');
    const unfinished = `${program}.tmp-${process.pid}`;
    await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', unfinished, PACKAGE], {
      cwd: join(packageRoot(), 'tools', 's3-server'),
      timeout: BUILD_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
    await rename(unfinished, program);
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

export interface S3Server {
  /** Of a bucket that is there and empty. */
  readonly settings: S3Settings & { readonly endpoint: string; readonly accessKeyId: string };
  stop(): Promise<void>;
}

/** The shell ends the server when our end of its input closes, even if we are killed. */
const RUN_WHILE_INPUT_IS_OPEN = '"$@" & server=$!; cat > /dev/null; kill -TERM $server; wait $server';

/** Starts a server; `program` as found. */
export async function startS3Server(program: string): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-s3-'));
  const bucket = 'clips';
  await mkdir(join(folder, bucket));
  const port = await freePort(0);
  const [accessKeyId, secretAccessKey] = ['access-key-of-the-tests', 'secret-key-of-the-tests'];
  const command = [program, '--port', `127.0.0.1:${port}`, 'posix', folder];
  const shell = spawn('sh', ['-c', RUN_WHILE_INPUT_IS_OPEN, 'sh', ...command], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await untilAnswers(endpoint);
  return {
    settings: { bucket, endpoint, region: null, accessKeyId, secretAccessKey, sessionToken: null },
    async stop() {
      shell.stdin.end();
      await once(shell, 'close');
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
