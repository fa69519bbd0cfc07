/** The sandbox: a stand-in upstream that renders genuine clips and misbehaves on demand. */

import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import type { DocumentedProvider } from '../domain/vendor.ts';
import { Conditions } from './conditions.ts';
import type { SandboxContext } from './context.ts';
import { registerControlRoutes } from './control-routes.ts';
import { answerErrors, type Face } from './face.ts';
import { A4F_MODELS, a4f } from './faces/a4f.ts';
import { airforce } from './faces/airforce.ts';
import { airforce2024 } from './faces/airforce-2024.ts';
import { infrai } from './faces/infrai.ts';
import { openai } from './faces/openai.ts';
import { openJournal } from './journal.ts';
import { openLinkSecret, ResultLinks } from './links.ts';
import { PLACEHOLDER_MODEL, SANDBOX_MODELS } from './models.ts';
import { SandboxRefusal } from './refusal.ts';
import { ClipRenderer } from './render/clip-renderer.ts';
import { registerResultRoutes } from './result-routes.ts';
import { TaskStore } from './task-store.ts';

/** How a sandbox is to run. */
export interface SandboxOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Where tasks are kept across restarts; null: nowhere. One sandbox at a time. */
  readonly dataDir: string | null;
  /** Divides generation times; 1 is about 4 s and half a second for each second of a clip. */
  readonly speed: number;
  /** The keys that are good; absent: every one is, each its own account. */
  readonly keys?: readonly string[];
  readonly log?: (message: string) => void;
}

/** A running sandbox. */
export interface Sandbox {
  /** Without a trailing slash; what stands before `/v1`. */
  readonly url: string;
  readonly port: number;
  /** Breaks open connections off; the tasks stay in the journal. */
  close(): Promise<void>;
}

/** Holds eight images in base64. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** What stands in front of the tasks: a face for each provider, and one for an older revision. */
export type FaceName = DocumentedProvider | 'airforce-2024';
/** Each face under its own name, and the first also where its API has it: later ones share paths with it. */
const FACES: Readonly<Record<FaceName, Face>> = { airforce, 'airforce-2024': airforce2024, infrai, openai, a4f };
const ROOT_FACE = airforce;
/** Our own models, and those that the examples of the other documents name: they run as they are printed. */
const PUBLISHED_MODELS = [...SANDBOX_MODELS, ...A4F_MODELS, PLACEHOLDER_MODEL];

function openContext({ dataDir, speed, keys, log }: SandboxOptions): SandboxContext {
  const conditions = new Conditions(speed);
  const journal = dataDir === null ? null : openJournal(join(dataDir, 'tasks.jsonl'));
  return {
    conditions,
    store: new TaskStore(journal, conditions),
    links: new ResultLinks(openLinkSecret(dataDir === null ? null : join(dataDir, 'link-secret'))),
    renderer: new ClipRenderer(),
    keys: keys ? new Set(keys) : null,
    models: PUBLISHED_MODELS,
    log: log ?? (() => undefined),
  };
}

/** Registers a face at the root of `app`; unknown routes under it come out in its own shape too. */
function addFace(app: FastifyInstance, face: Face, context: SandboxContext): void {
  answerErrors(app, face);
  app.setNotFoundHandler(({ method, url }) => {
    throw new SandboxRefusal(404, 'not_found', `there is no ${method} ${url}`);
  });
  face.register(app, { ...context, provider: face.name });
}

function buildApp(context: SandboxContext): FastifyInstance {
  const app = Fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true, exposeHeadRoutes: false });
  addFace(app, ROOT_FACE, context);
  registerControlRoutes(app, context);
  registerResultRoutes(app, context);
  for (const face of Object.values(FACES)) {
    void app.register(async (scope) => addFace(scope, face, context), { prefix: `/${face.name}` });
  }
  app.addHook('onClose', async () => {
    context.store.close();
    await context.renderer.close();
  });
  return app;
}

/** Where a client on this machine reaches a server that listens on `host`. */
function urlOf(host: string, port: number): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Starts a sandbox; it listens when the promise resolves. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const context = openContext(options);
  const app = buildApp(context);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw error;
  }
  const address = app.server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  const url = urlOf(options.host, port);
  context.log(`listening on ${url}`);
  return { url, port, close: () => app.close() };
}
