/** What docker-compose.yml describes, process by process on free ports: PostgreSQL, Temporal, S3, sandbox, workers, gateways. */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findPostgresBinaries, startPostgres } from '../bench/postgres-server.ts';
import { findS3Server, startS3Server } from '../bench/s3-server.ts';
import { packageRoot } from '../src/config/package-root.ts';
import type { S3Settings } from '../src/media/s3/s3-client.ts';
import { openLog } from '../src/observe/log.ts';
import { Closers } from '../src/process/closers.ts';
import { answers } from '../src/temporal/dev-server/server.ts';
import { startBalancer } from './balancer.ts';
import { ownPort } from './own-port.ts';
import { type Member, type ProcessOrder, StackProcess } from './stack-process.ts';
import { prepareTemporalServer } from './temporal-server.ts';

const run = promisify(execFile);

const ROOT_KEY = 'cy_root_key_of_the_stack';
const PROGRAM = join(packageRoot(), 'bin', 'clipyard.js');
/** There from the first start on; ours is registered by `clipyard migrate`. */
const FIRST_NAMESPACE = 'temporal-system';
const ANSWER_MS = 1_000;

export interface StackOptions {
  /** How fast the sandbox works. */
  readonly speed: number;
  /** Of each of its two accounts. */
  readonly tasksAtOnce: number;
  /** The operator's key; one of the stack's own when absent. */
  readonly rootKey?: string;
}

export interface Stack {
  /** Before both gateways. */
  readonly url: string;
  readonly rootKey: string;
  readonly sandboxUrl: string;
  readonly temporalAddress: string;
  readonly postgresUrl: string;
  readonly bucket: S3Settings;
  /** Logs and data. */
  readonly folder: string;
  /** Everything that runs, what was started first at the front. */
  readonly members: readonly Member[];
  /** Starts one more worker with these settings beside the usual ones. */
  startWorker(name: string, settings: NodeJS.ProcessEnv): Promise<Member>;
  /** Runs a command that ends, with the settings of all; its output. */
  run(...args: readonly string[]): Promise<string>;
  /** Ends all of it in the opposite order, and removes the folder. */
  close(): Promise<void>;
}

/** Whether the URL is answered with 200. */
async function isAnswered(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
  return answer?.ok === true;
}

async function writeUpstreams(folder: string, baseUrl: string, maxConcurrentTasks: number): Promise<string> {
  const file = join(folder, 'clipyard.yaml');
  const timing = { firstPollMs: 500, minPollMs: 500, maxPollMs: 5000 };
  const account = { provider: 'airforce', baseUrl, maxConcurrentTasks, timing };
  const accounts = ['one', 'two'].map((id) => ({ ...account, id, apiKeyEnv: `KEY_${id.toUpperCase()}` }));
  await writeFile(file, JSON.stringify({ accounts }));
  return file;
}

interface ClipyardOrder extends Omit<ProcessOrder, 'folder' | 'command'> {
  readonly args: readonly string[];
}

/** The stack as it is put together; `closers` ends what there is of it. */
class StackBuilder {
  readonly folder: string;
  readonly closers = new Closers(openLog('warn'));
  readonly members: Member[] = [];

  constructor(folder: string) {
    this.folder = folder;
    this.closers.add('folder', () => rm(folder, { recursive: true, force: true }));
  }

  /** A server that runs by now. */
  adopt(name: string, server: { shutDown(): Promise<void>; restart(): Promise<void>; stop(): Promise<void> }): void {
    this.members.push({ name, start: () => server.restart(), stop: () => server.shutDown() });
    this.closers.add(name, () => server.stop());
  }

  async start(order: Omit<ProcessOrder, 'folder'>): Promise<Member> {
    const member = new StackProcess({ ...order, folder: this.folder });
    this.closers.add(order.name, () => member.stop());
    await member.start();
    this.members.push(member);
    return member;
  }

  async startClipyard({ args, ...order }: ClipyardOrder): Promise<Member> {
    return await this.start({ ...order, command: [process.execPath, PROGRAM, ...args] });
  }
}

async function startServers(stack: StackBuilder, { speed }: StackOptions) {
  const [binaries, program] = [findPostgresBinaries(), await findS3Server()];
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine (Debian: postgresql)');
  if (program === null) throw new Error('Go 1.26 is needed to build the S3 server');
  const postgres = await startPostgres(binaries);
  stack.adopt('postgres', postgres);
  const temporal = await prepareTemporalServer(postgres.url, stack.folder);
  await stack.start({
    ...{ name: 'temporal', command: temporal.command, settings: {} },
    isReady: () => answers(temporal.port, FIRST_NAMESPACE, ANSWER_MS),
  });
  const s3 = await startS3Server(program);
  stack.adopt('s3', s3);
  const sandboxPort = await ownPort();
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const sandboxData = join(stack.folder, 'sandbox');
  await stack.startClipyard({
    name: 'sandbox',
    args: ['sandbox', '--port', String(sandboxPort), '--speed', String(speed), '--data-dir', sandboxData],
    settings: {},
    isReady: () => isAnswered(`${sandboxUrl}/_sandbox/bill`),
  });
  return { postgresUrl: postgres.url, temporalAddress: `127.0.0.1:${temporal.port}`, bucket: s3.settings, sandboxUrl };
}

type Servers = Awaited<ReturnType<typeof startServers>>;

/** As the environment of `x-clipyard` is. */
async function settingsOf(stack: StackBuilder, servers: Servers, publicUrl: string, options: StackOptions) {
  const { tasksAtOnce, rootKey = ROOT_KEY } = options;
  const { postgresUrl, temporalAddress, bucket, sandboxUrl } = servers;
  const dataDir = join(stack.folder, 'data');
  await mkdir(dataDir);
  return {
    ...{ DATABASE_URL: postgresUrl, TEMPORAL_ADDRESS: temporalAddress },
    ...{ CLIPYARD_ROOT_KEY: rootKey, CLIPYARD_PUBLIC_URL: publicUrl, CLIPYARD_DATA_DIR: dataDir },
    ...{ CLIPYARD_CONFIG: await writeUpstreams(stack.folder, sandboxUrl, tasksAtOnce) },
    CLIPYARD_SECRET_KEY: randomBytes(32).toString('base64'),
    ...{ KEY_ONE: 'sk-air-one', KEY_TWO: 'sk-air-two' },
    ...{ S3_ENDPOINT: bucket.endpoint, S3_BUCKET: bucket.bucket },
    ...{ AWS_ACCESS_KEY_ID: bucket.accessKeyId, AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey ?? '' },
  };
}

async function build(stack: StackBuilder, options: StackOptions): Promise<Omit<Stack, 'close'>> {
  const servers = await startServers(stack, options);
  const ports = [await ownPort(), await ownPort()];
  const balancer = await startBalancer(ports);
  stack.closers.add('balancer', async () => balancer.close());
  const settings = await settingsOf(stack, servers, balancer.url, options);
  const runCommand = async (...args: readonly string[]) => {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, ...settings };
    const { stdout } = await run(process.execPath, [PROGRAM, ...args], { cwd: stack.folder, env });
    return stdout;
  };
  await runCommand('migrate');
  const startWorker = (name: string, more: NodeJS.ProcessEnv) =>
    stack.startClipyard({
      name,
      args: ['work'],
      settings: { ...settings, ...more },
      isReady: (printed) => /^workers +up$/m.test(printed),
    });
  for (const name of ['worker-1', 'worker-2']) await startWorker(name, {});
  for (const [index, port] of ports.entries()) {
    await stack.startClipyard({
      name: `gateway-${index + 1}`,
      args: ['serve'],
      settings: { ...settings, CLIPYARD_PORT: String(port) },
      isReady: () => isAnswered(`http://127.0.0.1:${port}/readyz`),
    });
  }
  const { folder, members } = stack;
  return {
    ...servers,
    url: balancer.url,
    rootKey: settings.CLIPYARD_ROOT_KEY,
    folder,
    members,
    startWorker,
    run: runCommand,
  };
}

/** Starts everything; what was started is ended again where a part does not come up. */
export async function openStack(options: StackOptions): Promise<Stack> {
  const stack = new StackBuilder(await mkdtemp(join(tmpdir(), 'clipyard-topology-')));
  const close = () => stack.closers.closeAll();
  try {
    return { ...(await build(stack, options)), close };
  } catch (error) {
    await close();
    throw error;
  }
}
