/** The HTTP application over a fake gateway, as tests use it. */

import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { DIALECTS } from '../../src/dialects/index.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { NO_TRACES } from '../../src/domain/trace.ts';
import type { Video } from '../../src/domain/video.ts';
import { type AppOptions, buildApp } from '../../src/http/app.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { FakeGateway, KEY } from './fake-gateway.ts';

export const AUTHORIZATION = { authorization: `Bearer ${KEY}` };

/** Links of archived videos at a fixed host. */
export function testLinks(video: Video) {
  const clipUrl = video.archive === null ? null : `https://clips.example/${video.id}.mp4?exp=1`;
  return { clipUrl, posterUrl: null, linksExpireAt: video.expiresAt };
}

async function refuse(): Promise<never> {
  throw new Error('this test has no media');
}

/** Fails every call: most tests have no media. */
const NO_STORE: MediaStore = { stage: refuse, read: refuse, sizeBytes: refuse, remove: refuse, check: refuse };

async function noFile(): Promise<never> {
  throw new Refusal('not_found', 'this test has no files');
}

async function up(): Promise<void> {}

const none = async () => null;

export interface TestApp {
  readonly app: FastifyInstance;
  readonly gateway: FakeGateway;
  /** What was logged, as pino writes it. */
  readonly logged: string[];
}

export function makeApp(overrides: Partial<AppOptions> = {}): TestApp {
  const gateway = new FakeGateway();
  const logged: string[] = [];
  const app = buildApp({
    gateway,
    dialects: DIALECTS,
    links: testLinks,
    store: NO_STORE,
    files: { read: noFile, open: refuse },
    trustedHosts: [],
    corsOrigins: [],
    cookiePages: null,
    plugins: [],
    traces: NO_TRACES,
    readStreamToken: none,
    readSession: none,
    refusalOf: () => null,
    syncWaitSeconds: 540,
    health: { checks: { catalog: up, storage: up, temporal: up, workers: up }, isDraining: () => false },
    log: pino({ level: 'info' }, { write: (line: string) => logged.push(line) }),
    ...overrides,
  });
  return { app, gateway, logged };
}
