/** A PostgreSQL server of a test's or a benchmark's own, from the system's binaries, gone with its process. */

import { type ChildProcess, execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { freePort } from '../src/temporal/dev-server/process.ts';
import { endAttended, spawnAttended } from './attended-process.ts';

const run = promisify(execFile);

const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** The folder of the newest server's binaries, or null where there is no server. */
export function findPostgresBinaries(): string | null {
  const versions = existsSync(DEBIAN_FOLDER)
    ? readdirSync(DEBIAN_FOLDER)
        .map(Number)
        .sort((a, b) => b - a)
    : [];
  const folders = [...versions.map((version) => join(DEBIAN_FOLDER, String(version), 'bin')), '/usr/local/bin'];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ?? null;
}

/** PostgreSQL refuses root, so root lends it the system's user for it. */
function findUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** What is left of a server that was shut down. */
interface StoppedPostgres {
  readonly folder: string;
}

export interface PostgresServer extends StoppedPostgres {
  readonly url: string;
  /** Of the process that has started it. */
  pid(): number;
  /** Kills the server without a chance to say goodbye; it comes back with its rows by `restart`. */
  kill(): Promise<void>;
  /** Ends the server as its image is ended: what is under way is rolled back, clients are let go, and it comes back by `restart`. */
  shutDown(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server, `binaries` as found: an empty one, or with what the one that was stopped had in its folder. */
export async function startPostgres(binaries: string, stopped?: StoppedPostgres): Promise<PostgresServer> {
  const user = findUser();
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-postgres-'));
  if (user) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const asUser = { cwd: folder, ...user };
  const initdb = ['--pgdata', data, '--auth=trust', '--username=postgres', '--encoding=UTF8', '--no-sync'];
  if (stopped) await run('cp', ['-R', '-p', join(stopped.folder, 'data'), data], asUser);
  else await run(join(binaries, 'initdb'), initdb, asUser);
  const port = await freePort(0);
  const server = [
    join(binaries, 'postgres'),
    '-F',
    '-D',
    data,
    '-p',
    String(port),
    '-h',
    '127.0.0.1',
    '-k',
    folder,
    '-N',
    '300',
  ];
  async function launch(): Promise<ChildProcess> {
    const launched = spawnAttended(server, { ...asUser, signal: 'INT', output: ['ignore', 'pipe'] });
    const { stderr } = launched;
    if (stderr === null) throw new Error('PostgreSQL has no log');
    await ready(createInterface(stderr));
    stderr.resume();
    return launched;
  }
  let shell = await launch();
  return {
    folder,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    pid: () => shell.pid ?? 0,
    async kill() {
      const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGKILL');
      await endAttended(shell);
    },
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

async function ready(log: AsyncIterable<string>): Promise<void> {
  const lines: string[] = [];
  for await (const line of log) {
    if (line.includes('ready to accept connections')) return;
    lines.push(line);
  }
  throw new Error(`PostgreSQL did not start:\n${lines.join('\n')}`);
}
