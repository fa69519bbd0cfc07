/** Liveness and readiness: is the process there, and can it do its work. */

import type { FastifyBaseLogger, FastifyPluginAsync } from 'fastify';
import { withDeadline } from '../domain/deadline.ts';
import { livenessAnswer, readinessAnswer } from '../wire/clipyard/health.ts';
import type { Tag } from './own/operation.ts';
import { own } from './own/own.ts';

const PARTS = ['catalog', 'storage', 'temporal', 'workers'] as const;
type Part = (typeof PARTS)[number];
type PartState = 'up' | 'down';
type PartStates = Readonly<Record<Part, PartState>>;

/** Without these nothing can be accepted; without the others what is accepted waits. */
const NEEDED: readonly Part[] = ['catalog', 'storage'];
const CHECK_TIMEOUT_MS = 2000;
/** A look at all parts writes a file, and no key is needed for one. */
const ANSWER_LASTS_MS = 500;

export interface HealthOptions {
  /** Each rejects when its part is down; given up after two seconds. */
  readonly checks: Readonly<Record<Part, () => Promise<unknown>>>;
  /** What an operator has to do before work goes on; null when nothing is. */
  readonly readNotice?: () => Promise<string | null>;
  /** True from the moment the process was told to stop. */
  readonly isDraining: () => boolean;
}

/** What is wrong with a part, null when nothing is. */
async function problemOf(check: () => Promise<unknown>): Promise<unknown> {
  try {
    await withDeadline(check(), CHECK_TIMEOUT_MS, () => {
      throw new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`);
    });
    return null;
  } catch (error) {
    return error ?? new Error('unknown');
  }
}

function statusOf(
  states: PartStates,
  { isDraining, notice }: { readonly isDraining: boolean; readonly notice: string | null },
): 'ready' | 'degraded' | 'unavailable' {
  if (isDraining || NEEDED.some((part) => states[part] === 'down')) return 'unavailable';
  return notice === null && PARTS.every((part) => states[part] === 'up') ? 'ready' : 'degraded';
}

/** Asks all parts at once; questions that come meanwhile or just after share the answer, and only changes are logged. */
function partsWatch(checks: HealthOptions['checks'], log: FastifyBaseLogger): () => Promise<PartStates> {
  const last = new Map<Part, PartState>();
  let asking: Promise<PartStates> | null = null;

  const ask = async (part: Part): Promise<PartState> => {
    const problem = await problemOf(async () => checks[part]());
    const state = problem === null ? 'up' : 'down';
    if ((last.get(part) ?? 'up') !== state) {
      if (problem === null) log.info({ part }, `${part}: up again`);
      else log.warn({ part, err: problem }, `${part}: down`);
    }
    last.set(part, state);
    return state;
  };
  const askAll = async (): Promise<PartStates> => {
    const [catalog, storage, temporal, workers] = await Promise.all([
      ask('catalog'),
      ask('storage'),
      ask('temporal'),
      ask('workers'),
    ]);
    return { catalog, storage, temporal, workers };
  };
  return () => {
    asking ??= askAll().finally(() => {
      setTimeout(() => {
        asking = null;
      }, ANSWER_LASTS_MS).unref();
    });
    return asking;
  };
}

export const PROCESS: Tag = {
  name: 'process',
  description: 'Health and documentation of the process. No key is needed.',
};

/** `GET /healthz` and `GET /readyz`, without a key; 503 while creates cannot be stored or the process drains. */
export function healthRoutes({ checks, readNotice = async () => null, isDraining }: HealthOptions): FastifyPluginAsync {
  return async (app) => {
    const partStates = partsWatch(checks, app.log);
    // Probes come every few seconds: only their failures are worth a line.
    const probe = { method: 'GET', access: 'none', options: { logLevel: 'warn' } } as const;
    own(app, PROCESS, {
      ...probe,
      path: '/healthz',
      id: 'getLiveness',
      summary: 'The process is alive',
      answers: { 200: livenessAnswer },
      handle: () => ({ status: 'ok' as const }),
    });
    own(app, PROCESS, {
      ...probe,
      path: '/readyz',
      id: 'getReadiness',
      summary: 'Whether creates can be stored, with the state of each part',
      description:
        '`degraded` while Temporal or workers are away, or while an operator has something to do (`notice`): what is ' +
        'accepted then waits.',
      answers: { 200: readinessAnswer, 503: readinessAnswer },
      handle: async ({ reply }) => {
        const states = await partStates();
        const notice = states.catalog === 'up' ? await readNotice() : null;
        const status = statusOf(states, { isDraining: isDraining(), notice });
        if (status === 'unavailable') reply.code(503);
        return { status, ...states, ...(notice !== null && { notice }) };
      },
    });
  };
}
