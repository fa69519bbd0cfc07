/** The airforce-2024 face: the older revision of that API, in what it says otherwise than the current one. */

import { randomUUID } from 'node:crypto';
import { createBody } from '../../wire/airforce.ts';
import { LIST_LIMIT, namedKeys, PROGRESS_EVENT, STATUSES } from '../../wire/airforce-2024.ts';
import { readLimit } from '../paging.ts';
import { SandboxRefusal } from '../refusal.ts';
import type { SandboxTask, TaskLook } from '../task.ts';
import { airforceFace, type Look } from './airforce-revision.ts';
import { renderCreated as renderCreatedNow, renderTask as renderTaskNow } from './airforce-words.ts';

const TASK_ID_LENGTH = 20;

/** AO-07: a prefix and capitals. */
function makeTaskId(): string {
  return `vid_${randomUUID().replaceAll('-', '').slice(0, TASK_ID_LENGTH).toUpperCase()}`;
}

/** AO-08: no progress yet. AO-02: the cost is what has been debited. */
function renderCreated(task: SandboxTask) {
  const { progress: _, ...created } = renderCreatedNow(task);
  return created;
}

/** AO-09, AO-10, AO-13. */
function renderTask(task: SandboxTask, at: Look) {
  const { status, progress, error, ...rest } = renderTaskNow(task, at);
  return {
    ...rest,
    status: status === 'processing' ? 'running' : status,
    ...(status !== 'queued' && { progress }),
    ...(error !== undefined && { error: { type: 'generation_failed', message: error } }),
  };
}

/** AO-16, AO-17; what is out of range is refused. */
function readListQuery(query: unknown) {
  const { limit, status }: { limit?: unknown; status?: unknown } = { ...(query ?? {}) };
  const wanted = STATUSES.find((word) => word === status);
  if (status !== undefined && wanted === undefined) {
    throw new SandboxRefusal(400, 'invalid_request', `status must be one of ${STATUSES.join(', ')}`);
  }
  return { limit: readLimit(limit, LIST_LIMIT), ...(wanted !== undefined && { status: wanted }) };
}

/** AO-15: an end is named after its status. */
function streamEvent({ state }: TaskLook): string {
  return state === 'queued' || state === 'processing' ? PROGRESS_EVENT : state;
}

export const airforce2024 = airforceFace({
  name: 'airforce-2024',
  // AO-03, AO-04
  createBody: createBody.and(namedKeys),
  makeTaskId,
  renderCreated,
  renderTask,
  renderRefusal: ({ code, message }) => ({ error: { type: code, message } }),
  readListQuery,
  streamEvent,
  streamEnd: null,
  // AO-18
  deletesResult: true,
});
