/** The gateway as a process opens it, over a catalog in memory: of Temporal only what it was told is kept. */

import type { CatalogDatabase, Db } from '../src/catalog/driver/database.ts';
import { type GatewayOptions, type OpenGateway, openGateway } from '../src/process/gateway.ts';
import type { Parts } from '../src/process/parts.ts';
import { type FakeWorkflows, fakeWorkflows } from './fake-workflows.ts';
import { openTestParts, type TestPartsOptions } from './open-parts.ts';

export interface TestGatewayOptions extends TestPartsOptions, Pick<GatewayOptions, 'links' | 'consoleFolder'> {}

export interface TestGateway extends OpenGateway {
  readonly parts: Parts;
  readonly database: CatalogDatabase;
  readonly db: Db;
  readonly workflows: FakeWorkflows;
  close(): Promise<void>;
}

/** Opens it, not listening; videos are accepted and stay queued. */
export async function openTestGateway({
  links,
  consoleFolder,
  ...options
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const { parts, context, close } = await openTestParts(options);
  const workflows = fakeWorkflows();
  const opened = await openGateway({
    parts,
    link: {
      workflows,
      workflowUrl: (videoId) => `https://temporal.example/${videoId}`,
      uiUrl: () => 'https://temporal.example',
    },
    checkWorkers: async () => undefined,
    context,
    ...(links && { links }),
    ...(consoleFolder && { consoleFolder }),
  });
  const { database } = parts;
  return { ...opened, parts, database, db: database.db, workflows, close };
}
