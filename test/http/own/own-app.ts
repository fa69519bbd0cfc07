/** The application with our own routes over a real catalog; of Temporal only what it was told is kept. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { createCaller, ensureRootCaller } from '../../../src/catalog/callers.ts';
import { type CatalogDatabase, openDatabase } from '../../../src/catalog/driver/database.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { createAdministration } from '../../../src/gateway/administration.ts';
import { createGateway } from '../../../src/gateway/gateway.ts';
import { buildApp } from '../../../src/http/app.ts';
import { openApiRoutes } from '../../../src/http/openapi/routes.ts';
import { ownRoutes } from '../../../src/http/own/routes.ts';
import { createFileStore } from '../../../src/media/file-store.ts';
import { emptyCatalog } from '../../catalog/with-catalog.ts';
import { fakeWorkflows } from '../../fake-workflows.ts';
import { testLinks } from '../test-app.ts';
import { holdToDocument } from './documented-answers.ts';

export const ROOT_KEY = 'root-key';

export interface OwnApp {
  readonly app: FastifyInstance;
  readonly database: CatalogDatabase;
  /** What workflows were told, in order. */
  readonly told: string[];
  /** Accounts whose resumption was passed on. */
  readonly resumed: string[];
  /** A request with a key, `root-key` unless another is given; the answer's body as JSON. */
  ask(
    request: InjectOptions & { readonly key?: string | null },
  ): Promise<{ readonly status: number; readonly body: unknown; readonly headers: Record<string, unknown> }>;
  /** A new caller; its id and key. */
  join(name: string, creditMicroUsd?: number): Promise<{ readonly id: string; readonly key: string }>;
  /** Empties the catalog but for root. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

async function up(): Promise<void> {}

/** Opens the application over PGlite in memory. */
export async function openOwnApp(): Promise<OwnApp> {
  const database = await openDatabase({ databaseUrl: null, dataDir: ':memory:' });
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-own-'));
  const { db } = database;
  const resumed: string[] = [];
  const workflows = fakeWorkflows();
  const { told } = workflows;
  const log = pino({ level: 'silent' });
  const gateway = createGateway({
    db,
    store: createFileStore(folder),
    workflows,
    spriteSheets: { ensure: async () => Promise.reject(new Error('this test has no media')) },
    subscribe: () => () => {},
    log,
  });
  const administration = createAdministration({
    db,
    onResumed: async (account) => {
      resumed.push(account);
    },
  });
  const workflowUrl = (id: string) => `https://temporal.example/${id}`;
  const app = buildApp({
    gateway,
    dialects: DIALECTS,
    links: testLinks,
    store: createFileStore(folder),
    trustedHosts: [],
    health: { checks: { catalog: up, storage: up, temporal: up, workers: up }, isDraining: () => false },
    plugins: [
      ownRoutes({ gateway, administration, links: testLinks, workflowUrl }),
      openApiRoutes({ publicUrl: 'http://127.0.0.1:8787', version: '1.2.3' }),
    ],
    log,
  });
  const problems = holdToDocument(app);
  return {
    app,
    database,
    told,
    resumed,
    async ask({ key = ROOT_KEY, ...request }) {
      const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
      const answer = await app.inject({ ...request, headers: { ...authorization, ...request.headers } });
      if (problems.length > 0) throw new Error(problems.splice(0).join('\n'));
      return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
    },
    async join(name, creditMicroUsd) {
      const { caller, key } = await createCaller(db, { name, creditMicroUsd });
      return { id: caller.id, key };
    },
    async reset() {
      await emptyCatalog(database);
      await ensureRootCaller(db, ROOT_KEY);
      told.length = 0;
      resumed.length = 0;
    },
    async close() {
      await app.close();
      await gateway.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
