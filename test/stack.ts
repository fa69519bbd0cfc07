/** A whole Clipyard for tests: real Temporal server, workers, gateway over HTTP, sandbox; one per test file. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { ActivityDependencies } from '../activities/dependencies.ts';
import { createActivities } from '../activities/index.ts';
import { createClipArchiver, createClipInspector } from '../src/archive/archive-clip.ts';
import { createImageLinker } from '../src/archive/link-input-image.ts';
import { createImageLoader } from '../src/archive/load-input-image.ts';
import { createPosterMaker } from '../src/archive/poster.ts';
import { createSpriteSheets } from '../src/archive/sprite-sheet.ts';
import { syncAccounts } from '../src/catalog/accounts.ts';
import { ensureRootCaller } from '../src/catalog/callers.ts';
import { watchChanges } from '../src/catalog/changes.ts';
import { openDatabase } from '../src/catalog/driver/database.ts';
import { findInputImage } from '../src/catalog/input-images.ts';
import { findVideo } from '../src/catalog/videos.ts';
import { DIALECTS } from '../src/dialects/index.ts';
import type { AccountConfig } from '../src/domain/account.ts';
import type { ProviderName } from '../src/domain/vendor.ts';
import { isEnded, type Video } from '../src/domain/video.ts';
import { createGateway } from '../src/gateway/gateway.ts';
import { buildApp } from '../src/http/app.ts';
import { mediaRoutes } from '../src/http/media/routes.ts';
import { createFileStore } from '../src/media/file-store.ts';
import { createLinkSigner, createVideoLinks } from '../src/media/signed-links.ts';
import { fetchUntrusted } from '../src/net/untrusted/fetch.ts';
import { withFacts } from '../src/process/parts.ts';
import { PROVIDERS_BY_NAME } from '../src/providers/index.ts';
import { type Sandbox, startSandbox } from '../src/sandbox/sandbox.ts';
import { discoverModels } from '../src/submissions/discover-models.ts';
import { createTaskFollower } from '../src/submissions/follow.ts';
import { connectWorker, openTemporalClient } from '../src/temporal/connection.ts';
import { type DevServer, startDevServer } from '../src/temporal/dev-server/server.ts';
import { installTemporalRuntime } from '../src/temporal/runtime.ts';
import { ensureSweepSchedule, type RunningWorkers, startWorkers } from '../src/temporal/worker.ts';
import { createWorkflowControl } from '../src/temporal/workflow-control.ts';
import { silentLog } from './temporal/silent-log.ts';

// As found and made by the global set-up.
const { TEMPORAL_CLI_PATH: SERVER = '', CLIPYARD_TEST_WORKFLOW_BUNDLE: WORKFLOW_BUNDLE = '' } = process.env;

/** Nobody listens there: links are read through the application itself. */
const PUBLIC_URL = 'http://127.0.0.1';

export const ROOT_KEY = 'cy_root_key_of_the_tests';

/** Long enough on a machine that has much else to do: only a video that never comes so far should be told of. */
const UNTIL_MS = 100_000;

// Once for a test file, however many stacks it starts.
installTemporalRuntime(silentLog());

export interface StackOptions {
  readonly provider?: ProviderName;
  readonly speed?: number;
  readonly account?: Partial<AccountConfig>;
  /** `host:port` that callers' image URLs may name although they are private. */
  readonly trustedHosts?: readonly string[];
  readonly dependencies?: Partial<ActivityDependencies>;
}

/** Starts everything; `close` ends it. */
export async function startStack({
  speed = 20,
  provider = 'airforce',
  account = {},
  trustedHosts = [],
  dependencies = {},
}: StackOptions = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'clipyard-stack-'));
  const log = silentLog();
  const sandbox: Sandbox = await startSandbox({ host: '127.0.0.1', port: 0, dataDir: null, speed });
  const startServer = (): Promise<DevServer> => startDevServer({ binary: SERVER, dataDir, namespace: 'default', log });
  let server = await startServer();
  const database = await openDatabase({ databaseUrl: null, dataDir: ':memory:' });
  const { db } = database;
  const accounts: readonly AccountConfig[] = [
    {
      id: 'sandbox',
      provider,
      baseUrl: `${sandbox.url}/${provider}`,
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
    },
  ];
  await ensureRootCaller(db, ROOT_KEY);
  await syncAccounts(db, accounts.map(withFacts));
  const { client, connection, close: closeClient } = openTemporalClient({ address: server.address }, 'default');
  const workflows = createWorkflowControl(client);
  const store = createFileStore(join(dataDir, 'media'));
  const makePoster = createPosterMaker(log);
  const signer = createLinkSigner(['signing key of the tests'], PUBLIC_URL);
  const archiveClip = createClipArchiver({ store, fetchResult: fetchUntrusted, makePoster });
  const providers = { ...PROVIDERS_BY_NAME, ...dependencies.providers };
  const follower = createTaskFollower({ providers, accounts, workflows, log });
  const parts: ActivityDependencies = {
    db,
    store,
    archiveClip,
    inspectClip: createClipInspector({ store, makePoster }),
    loadImage: createImageLoader({ store, fetchImage: fetchUntrusted, trustedHosts }),
    linkImage: createImageLinker(signer, PUBLIC_URL),
    providers: PROVIDERS_BY_NAME,
    accounts,
    workflows,
    follower,
    log,
    countIncident: () => undefined,
    createTimeoutMs: 10_000,
    deliveryTimeoutMs: 30_000,
    exchangeTimeoutMs: 10_000,
    ...dependencies,
  };
  await discoverModels(parts);
  const native = await connectWorker({ address: server.address }, log, AbortSignal.timeout(30_000));
  const startWorking = (): Promise<RunningWorkers> =>
    startWorkers({
      connection: native,
      namespace: 'default',
      activities: createActivities(parts),
      workflowBundlePath: WORKFLOW_BUNDLE,
      drainMs: 5000,
    });
  let workers = await startWorking();
  await ensureSweepSchedule(client);
  const changes = await watchChanges(database);
  const gateway = createGateway({
    db,
    store,
    workflows,
    spriteSheets: createSpriteSheets({ store, log, findVideo: (id) => findVideo(db, id) }),
    subscribe: changes.subscribe,
    log,
  });
  const app: FastifyInstance = buildApp({
    gateway,
    dialects: DIALECTS,
    links: createVideoLinks(signer),
    store,
    trustedHosts,
    health: {
      checks: { catalog: database.check, storage: store.check, temporal: workflows.check, workers: async () => {} },
      isDraining: () => false,
    },
    plugins: [
      mediaRoutes({
        store,
        links: signer,
        findVideo: (id) => findVideo(db, id),
        findInputImage: (sha256) => findInputImage(db, sha256),
      }),
    ],
    log,
  });
  const headers = { authorization: `Bearer ${ROOT_KEY}` };

  return {
    app,
    client,
    connection,
    native,
    database,
    db,
    sandbox,
    server,
    store,
    workflows,
    gateway,
    dataDir,
    headers,
    dependencies: parts,
    async restartWorkers() {
      await workers.shutdown();
      workers = await startWorking();
    },
    async stopWorkers() {
      await workers.shutdown();
    },
    async startWorkers() {
      workers = await startWorking();
    },
    async stopTemporal() {
      await server.stop();
    },
    async startTemporal() {
      server = await startServer();
    },
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
    /** Ids of a workflow's children, as soon as it has any. */
    async childrenOf(workflowId: string): Promise<readonly string[]> {
      for (let tries = 0; tries < 100; tries++) {
        const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
        const started = events?.flatMap(
          ({ childWorkflowExecutionStartedEventAttributes: child }) => child?.workflowExecution?.workflowId ?? [],
        );
        if (started?.length) return started;
        await wait(100);
      }
      return [];
    },
    async video(id: string): Promise<Video> {
      const video = await findVideo(db, id);
      if (!video) throw new Error(`no video ${id}`);
      return video;
    },
    /** Resolves when the video has come so far, told by its changes. */
    async until(id: string, reached: (video: Video) => boolean): Promise<Video> {
      return await new Promise((resolve, reject) => {
        const look = async () => {
          const video = await findVideo(db, id);
          if (!video || !reached(video)) return;
          stop();
          clearTimeout(timer);
          resolve(video);
        };
        const stop = changes.subscribe(id, () => void look().catch(reject));
        const timer = setTimeout(() => {
          stop();
          void findVideo(db, id).then((video) => reject(new Error(`video stays as it is: ${JSON.stringify(video)}`)));
        }, UNTIL_MS);
        look().catch(reject);
      });
    },
    ended(id: string): Promise<Video> {
      return this.until(id, (video) => isEnded(video.state));
    },
    async bill() {
      const answer = await fetch(`${sandbox.url}/_sandbox/bill`);
      return (await answer.json()) as {
        tasks: { id: string; costMicroUsd: number; state: string; request: Record<string, unknown> }[];
        peakConcurrent: Record<string, number>;
      };
    },
    async faults(faults: readonly object[], more: object = {}) {
      const answer = await fetch(`${sandbox.url}/_sandbox/faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ faults, ...more }),
      });
      if (!answer.ok) throw new Error(await answer.text());
    },
    async close() {
      await gateway.close();
      await app.close();
      await follower.close();
      await workers.shutdown();
      await changes.close();
      await closeClient();
      await native.close();
      await server.stop();
      await database.close();
      await sandbox.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export type Stack = Awaited<ReturnType<typeof startStack>>;
