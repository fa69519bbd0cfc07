/** What a namespace needs before our workflows can run in it: itself, search attributes, the sweep. Safe to repeat. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Client,
  type Connection,
  isGrpcServiceError,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/messages.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import type { Log } from '../domain/log.ts';

/** What the namespace must know, all of the type Keyword. */
export const SEARCH_ATTRIBUTE_NAMES: readonly string[] = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);

/** Temporal's number for the attribute type Keyword. */
const KEYWORD = 2;

/** gRPC status codes that mean something here. */
const GRPC = { notFound: 5, alreadyExists: 6, permissionDenied: 7, unimplemented: 12, unauthenticated: 16 } as const;

const CALL_MS = 10_000;
/** Closed workflows can be looked at in the UI this long. */
const RETENTION_MS = 7 * 86_400_000;
/** A new namespace or attribute is known to every server process only after its caches are refreshed. */
const ATTEMPTS = 20;
const BETWEEN_ATTEMPTS_MS = 500;

/** The part of a connection that is used: the services, and a deadline for their calls. */
export type SetupConnection = Pick<Connection, 'workflowService' | 'operatorService' | 'withDeadline'>;

function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return isGrpcServiceError(error) && codes.includes(error.code);
}

/**
 * Registers the namespace where it is missing and adds our search attributes, then waits until both are visible.
 * A server that leaves this to other tools (Temporal Cloud) is warned about, not failed on.
 * @throws when an attribute of our name has another type, or the server cannot be reached.
 */
export async function setUpNamespace(connection: SetupConnection, namespace: string, log: Log): Promise<void> {
  try {
    await ensureNamespace(connection, namespace, log);
    await ensureSearchAttributes(connection, namespace, log);
  } catch (error) {
    if (!isDecided(error)) throw error;
    log.warn(
      { err: error, namespace, searchAttributes: SEARCH_ATTRIBUTE_NAMES },
      'this Temporal does not let us manage the namespace: create it and these search attributes (Keyword) with its own tools',
    );
  }
}

async function ensureNamespace(connection: SetupConnection, namespace: string, log: Log): Promise<void> {
  if (await namespaceExists(connection, namespace)) return;
  try {
    await within(connection, () =>
      connection.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: msToTs(RETENTION_MS),
      }),
    );
    log.info({ namespace }, 'namespace registered');
  } catch (error) {
    // Another process of ours was faster.
    if (!hasCode(error, GRPC.alreadyExists)) throw error;
  }
}

async function namespaceExists(connection: SetupConnection, namespace: string): Promise<boolean> {
  try {
    await within(connection, () => connection.workflowService.describeNamespace({ namespace }));
    return true;
  } catch (error) {
    if (hasCode(error, GRPC.notFound)) return false;
    throw error;
  }
}

async function ensureSearchAttributes(connection: SetupConnection, namespace: string, log: Log): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const missing = await missingSearchAttributes(connection, namespace);
      if (missing.length === 0) return;
      await addAttributes(connection, namespace, missing);
      log.info({ namespace, added: missing }, 'search attributes added');
    } catch (error) {
      if (error instanceof AttributeTypeError || isDecided(error) || attempt >= ATTEMPTS) throw error;
    }
    if (attempt >= ATTEMPTS) throw new Error(`search attributes did not appear in namespace ${namespace}`);
    await sleep(BETWEEN_ATTEMPTS_MS);
  }
}

/** An answer that no second try would change; all others may be a race with another process or a cache. */
function isDecided(error: unknown): boolean {
  return hasCode(error, GRPC.permissionDenied, GRPC.unimplemented, GRPC.unauthenticated);
}

class AttributeTypeError extends Error {
  override readonly name = 'AttributeTypeError';
}

/** Those that the namespace lacks. Adding skips what exists without looking at its type, so the types are checked here. */
export async function missingSearchAttributes(connection: SetupConnection, namespace: string): Promise<string[]> {
  const { customAttributes } = await within(connection, () =>
    connection.operatorService.listSearchAttributes({ namespace }),
  );
  const mistyped = SEARCH_ATTRIBUTE_NAMES.filter((name) => (customAttributes[name] ?? KEYWORD) !== KEYWORD);
  if (mistyped.length > 0) {
    throw new AttributeTypeError(
      `search attribute ${mistyped.join(', ')} in namespace ${namespace} is not a Keyword: remove it or use another namespace`,
    );
  }
  return SEARCH_ATTRIBUTE_NAMES.filter((name) => !(name in customAttributes));
}

async function addAttributes(connection: SetupConnection, namespace: string, names: readonly string[]): Promise<void> {
  await within(connection, () =>
    connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(names.map((name) => [name, KEYWORD])),
    }),
  );
}

function within<T>(connection: SetupConnection, call: () => Promise<T>): Promise<T> {
  return connection.withDeadline(Date.now() + CALL_MS, call);
}

const SWEEP_SCHEDULE = 'clipyard-sweep';

/** A run sweeps for an hour; one that no worker can go on with, as after a way back to an older version, makes room. */
const SWEEP_RUN_MS = 2 * 3_600_000;

const SWEEP = {
  spec: { intervals: [{ every: '1 minute' }] },
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
  action: {
    type: 'startWorkflow',
    workflowType: WORKFLOW_TYPES.sweep,
    taskQueue: TASK_QUEUES.workflows,
    workflowRunTimeout: SWEEP_RUN_MS,
    args: [],
  },
} as const satisfies Omit<ScheduleOptions, 'scheduleId'>;

/** Makes sure that Temporal keeps a run that sweeps each minute, as this version wants it. */
export async function ensureSweepSchedule(client: Client): Promise<void> {
  try {
    await client.schedule.create({ scheduleId: SWEEP_SCHEDULE, ...SWEEP });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(SWEEP_SCHEDULE).update((schedule) => ({ ...schedule, ...SWEEP }));
  }
}
