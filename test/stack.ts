/** A whole Clipyard for tests: real Temporal server, workers, gateway over HTTP, sandbox; one per test file. */

import { setTimeout as wait } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityDependencies } from '../activities/dependencies.ts';
import { createSweepActivities } from '../activities/sweep.ts';
import type { Db } from '../src/catalog/driver/database.ts';
import { findVideo } from '../src/catalog/videos.ts';
import type { Config } from '../src/config/settings.ts';
import type { AccountConfig } from '../src/domain/account.ts';
import type { ProviderName } from '../src/domain/vendor.ts';
import { isEnded, type Video } from '../src/domain/video.ts';
import { type ActivityOverrides, activityDependenciesOf } from '../src/process/activity-dependencies.ts';
import { type OpenGateway, openGateway } from '../src/process/gateway.ts';
import { TemporalLink } from '../src/process/link.ts';
import type { Parts } from '../src/process/parts.ts';
import type { ProcessContext } from '../src/process/run.ts';
import { discoverUpstreamModels } from '../src/process/upstream-models.ts';
import { openWorkers } from '../src/process/workers.ts';
import { startSandbox } from '../src/sandbox/sandbox.ts';
import { startDevServer } from '../src/temporal/dev-server/server.ts';
import { installTemporalRuntime } from '../src/temporal/runtime.ts';
import { connectWorker } from '../src/temporal/worker-connection.ts';
import { openTestParts, ROOT_KEY } from './open-parts.ts';
import { SandboxClient } from './sandbox/sandbox-client.ts';
import { useOwnPorts } from './temporal/own-ports.ts';
import { silentLog } from './temporal/silent-log.ts';

export { ROOT_KEY };

// As found and made by the global set-up.
const { TEMPORAL_CLI_PATH: SERVER = '', CLIPYARD_TEST_WORKFLOW_BUNDLE: WORKFLOW_BUNDLE = '' } = process.env;

/** No server listens there: links are read through the application itself. */
const PUBLIC_URL = 'http://127.0.0.1';

/** Long enough on a machine that has much else to do: only a video that never comes so far should be told of. */
const UNTIL_MS = 100_000;

const TIMEOUTS = { createTimeoutMs: 10_000, deliveryTimeoutMs: 30_000, exchangeTimeoutMs: 10_000 };

// Once for a test file, however many stacks it starts.
installTemporalRuntime(silentLog());

export interface StackOptions {
  readonly provider?: ProviderName;
  readonly speed?: number;
  readonly account?: Partial<AccountConfig>;
  /** What accounts name as their `api`. */
  readonly descriptions?: Config['descriptions'];
  /** `host:port` that callers' image URLs may name although they are private. */
  readonly trustedHosts?: readonly string[];
  readonly dependencies?: ActivityOverrides;
  /** Where the console was compiled to. */
  readonly consoleFolder?: string;
  /** In place of the server's program. */
  readonly temporalBinary?: string;
  /** Settings beside those of a stack. */
  readonly config?: Partial<Config>;
  /** In place of what the global set-up has bundled. */
  readonly workflowBundlePath?: string;
}

/** One account at the sandbox, polled closely. */
function accountAt(sandboxUrl: string, { provider = 'airforce', account = {} }: StackOptions): AccountConfig {
  return {
    id: 'sandbox',
    provider,
    baseUrl: `${sandboxUrl}/${provider}`,
    apiKey: 'sk-air-tests',
    maxConcurrentTasks: 4,
    maxRequestsPerSecond: 1000,
    shared: false,
    list: true,
    pool: 'main',
    onLostAnswer: 'fail',
    lostAnswerHoldMs: 1000,
    trustedHosts: [],
    timing: { firstPollMs: 100, minPollMs: 100, maxPollMs: 500, resultRetryMs: 3000 },
    ...account,
  };
}

/** A Temporal server that can be stopped and started, and the link to it. */
async function openTemporal({ config, traces }: Parts, context: ProcessContext, binary: string) {
  const { namespace } = config.temporal;
  const start = () => startDevServer({ binary, dataDir: config.dataDir, namespace, log: context.log });
  await useOwnPorts(config.dataDir);
  let server = await start();
  context.closers.add('Temporal', () => server.stop());
  const { address } = server;
  const link = new TemporalLink(
    { ...config, temporal: { ...config.temporal, connection: { address } } },
    context,
    traces,
  );
  link.openExternal();
  return {
    link,
    stopTemporal: () => server.stop(),
    async startTemporal() {
      server = await start();
    },
  };
}

interface Working {
  readonly workflowBundlePath: string;
  readonly parts: Parts;
  readonly link: TemporalLink;
  readonly context: ProcessContext;
  readonly overrides: ActivityOverrides;
}

/** Workers that can be stopped and started, all of them over one connection. */
async function openWorking({ parts, link, context, overrides, workflowBundlePath }: Working) {
  const { closers, log } = context;
  const native = await connectWorker(link.current().settings, log, AbortSignal.timeout(30_000));
  closers.add('connection of the workers', () => native.close());
  const dependencies = activityDependenciesOf(parts, link, { ...TIMEOUTS, ...overrides });
  const options = { parts, link, dependencies, connection: native, workflowBundlePath };
  let workers = await openWorkers(options);
  closers.add('workers', () => workers.shutdown());
  closers.add('followed tasks', () => dependencies.follower.close());
  const stopWorkers = () => workers.shutdown();
  const startWorkers = async () => {
    workers = await openWorkers(options);
  };
  const restartWorkers = async () => {
    await stopWorkers();
    await startWorkers();
  };
  return { native, dependencies, stopWorkers, startWorkers, restartWorkers };
}

/** Videos as root makes them, and what becomes of them. */
function videosOf({ app, gateway }: OpenGateway, db: Db) {
  const headers = { authorization: `Bearer ${ROOT_KEY}` };

  async function video(id: string): Promise<Video> {
    const found = await findVideo(db, id);
    if (!found) throw new Error(`no video ${id}`);
    return found;
  }

  /** Resolves when the video has come so far, told by its changes. */
  async function until(id: string, reached: (video: Video) => boolean): Promise<Video> {
    return await new Promise((resolve, reject) => {
      const read = async () => {
        const found = await findVideo(db, id);
        if (!found || !reached(found)) return;
        stop();
        clearTimeout(timer);
        resolve(found);
      };
      const stop = gateway.watch(id, () => void read().catch(reject));
      const timer = setTimeout(() => {
        stop();
        void findVideo(db, id).then((found) => reject(new Error(`video stays as it is: ${JSON.stringify(found)}`)));
      }, UNTIL_MS);
      read().catch(reject);
    });
  }

  return {
    headers,
    video,
    until,
    ended: (id: string) => until(id, ({ state }) => isEnded(state)),
    async create(body: object = {}): Promise<string> {
      const answer = await app.inject({
        method: 'POST',
        url: '/airforce/v1/video/generations',
        headers,
        payload: { model: 'sandbox-mini', prompt: 'a red fox', duration_seconds: 1, ...body },
      });
      if (answer.statusCode !== 200) throw new Error(answer.body);
      return (answer.json() as { task_id: string }).task_id;
    },
  };
}

const SWEEP_EACH_MS = 3_000;

/** What the schedule's runs do once a minute, done at once. */
function sweepsOf(dependencies: ActivityDependencies, db: Db) {
  const sweep = () => new MockActivityEnvironment().run(createSweepActivities({ ...dependencies, db }).sweep);
  return {
    sweep,
    /** Sweeps over and over while the work goes on: visibility may be late for the first. */
    async whileSweeping<Result>(work: () => Promise<Result>): Promise<Result> {
      const timer = setInterval(() => void sweep().catch(() => undefined), SWEEP_EACH_MS);
      try {
        await sweep();
        return await work();
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/** Ids of a workflow's children, as soon as it has any. */
async function childrenOf(link: TemporalLink, workflowId: string): Promise<readonly string[]> {
  for (let tries = 0; tries < 100; tries++) {
    const { events } = await link.current().client.workflow.getHandle(workflowId).fetchHistory();
    const started = events?.flatMap(
      ({ childWorkflowExecutionStartedEventAttributes: child }) => child?.workflowExecution?.workflowId ?? [],
    );
    if (started?.length) return started;
    await wait(100);
  }
  return [];
}

/** Starts everything; `close` ends it. */
export async function startStack(options: StackOptions = {}) {
  const { speed = 20, trustedHosts = [], descriptions = {}, dependencies = {}, temporalBinary = SERVER } = options;
  const { config = {}, workflowBundlePath = WORKFLOW_BUNDLE } = options;
  const { providers, ...overrides } = dependencies;
  const sandbox = await startSandbox({ host: '127.0.0.1', port: 0, dataDir: null, speed });
  const settings = {
    accounts: [accountAt(sandbox.url, options)],
    descriptions,
    publicUrl: PUBLIC_URL,
    trustedHosts: [...trustedHosts],
    drainSeconds: 5,
    ...config,
  };
  const { parts, context, close } = await openTestParts({ config: settings, ...(providers && { providers }) });
  context.closers.add('sandbox', () => sandbox.close());
  const { link, ...temporal } = await openTemporal(parts, context, temporalBinary);
  await discoverUpstreamModels(parts);
  const working = await openWorking({ parts, link, context, overrides, workflowBundlePath });
  const { consoleFolder } = options;
  const opened = await openGateway({
    ...{ parts, link, context, checkWorkers: async () => undefined },
    ...(consoleFolder && { consoleFolder }),
  });
  const { database, store } = parts;
  const { db } = database;
  const { client, connection } = link.current();
  const tester = new SandboxClient(sandbox.url);

  return {
    ...opened,
    ...temporal,
    ...working,
    ...videosOf(opened, db),
    parts,
    link,
    client,
    connection,
    database,
    db,
    sandbox,
    store,
    workflows: link.workflows,
    ...sweepsOf(working.dependencies, database.patientDb),
    childrenOf: (workflowId: string) => childrenOf(link, workflowId),
    bill: () => tester.bill(),
    faults: (faults: readonly object[], more: object = {}) => tester.configure({ faults, ...more }),
    close,
  };
}

export type Stack = Awaited<ReturnType<typeof startStack>>;
