/** The application with our own routes over a real catalog; of Temporal only what it was told is kept. */

import type { FastifyInstance, InjectOptions } from 'fastify';
import { createCaller, ensureRootCaller } from '../../../src/catalog/callers.ts';
import type { CatalogDatabase } from '../../../src/catalog/driver/database.ts';
import type { MediaStore } from '../../../src/media/media-store.ts';
import { emptyCatalog } from '../../catalog/with-catalog.ts';
import { openTestGateway } from '../../open-gateway.ts';
import { testLinks } from '../test-app.ts';
import { holdToDocument } from './documented-answers.ts';

export const ROOT_KEY = 'root-key';

export interface OwnApp {
  readonly app: FastifyInstance;
  readonly database: CatalogDatabase;
  readonly store: MediaStore;
  /** What workflows were told, in order. */
  readonly told: string[];
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

/** Opens the application over PGlite in memory. */
export async function openOwnApp(): Promise<OwnApp> {
  const { app, parts, database, db, workflows, close } = await openTestGateway({ links: testLinks });
  const { told } = workflows;
  const problems = holdToDocument(app);
  return {
    app,
    database,
    store: parts.store,
    told,
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
    },
    close,
  };
}
