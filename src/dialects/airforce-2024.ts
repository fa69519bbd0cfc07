/** api.airforce inbound in its older revision: the current one's requests, with other words in the answers. */

import type { Refusal } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';
import { centsFromMicroUsd } from '../domain/money.ts';
import { isEnded, VIDEO_STATES, type VideoState } from '../domain/video.ts';
import { AIRFORCE_PATHS, POLL_SECONDS, TASK_LIFETIME_SECONDS } from '../wire/airforce.ts';
import { type Airforce2024Status, LIST_LIMIT, namedKeys, PROGRESS_EVENT, STATUSES } from '../wire/airforce-2024.ts';
import { costCents, modelRoutes, parseCreate, progressOf, times } from './airforce.ts';
import type { Dialect, DialectAnswer, DialectRequest, ListQuery, VideoPage, VideoView } from './dialect.ts';
import { endFailure } from './end-failure.ts';
import { pollAnswer } from './poll-answer.ts';
import { readBody } from './read-body.ts';
import { readChoice, readLimit } from './read-query.ts';
import { refusalCode, refusalText } from './refusal-words.ts';

/** AO-09, X3: their words for our states; a cancelled task has no word of its own. */
const STATUS_OF: Readonly<Record<VideoState, Airforce2024Status>> = {
  queued: 'queued',
  submitting: 'running',
  unconfirmed: 'running',
  generating: 'running',
  archiving: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
  expired: 'expired',
};

/** AO-03 to AO-05: seed and sound are checked, and forwarded like every key that we do not read ourselves. */
function parse(request: DialectRequest) {
  readBody(namedKeys, request.body);
  return parseCreate(request);
}

/** AO-02, AO-08: no progress yet, and the cost is what was debited. */
function renderCreated({ video }: VideoView): DialectAnswer {
  const body = {
    task_id: video.id,
    status: 'queued',
    model: video.request.model,
    ...times(video),
    cost_cents: centsFromMicroUsd(video.estimateMicroUsd),
  };
  return { status: 200, body };
}

/** AO-09 to AO-14: a task; what it has not got is left out. */
function renderTask({ video, clipUrl, posterUrl }: VideoView): JsonObject {
  const failure = endFailure(video);
  return {
    task_id: video.id,
    status: STATUS_OF[video.state],
    // AO-10
    ...(video.state !== 'queued' && { progress: progressOf(video) }),
    // AO-11, AO-12, X10: our own signed links, never the upstream's.
    ...(clipUrl !== null && { result_url: clipUrl }),
    ...(posterUrl !== null && { thumbnail_url: posterUrl }),
    // AO-13
    ...(failure !== null && { error: { type: failure.kind, message: failure.message } }),
    model: video.request.model,
    duration_seconds: video.request.durationSeconds,
    ...times(video),
    cost_cents: costCents(video),
  };
}

function renderRead(view: VideoView): DialectAnswer {
  return pollAnswer(view.video, renderTask(view), POLL_SECONDS);
}

/** AO-16, AO-17. */
function parseList({ query }: DialectRequest): ListQuery {
  const status = readChoice('status', query['status'], STATUSES);
  return {
    limit: readLimit(query['limit'], LIST_LIMIT),
    ...(status !== undefined && { states: VIDEO_STATES.filter((state) => STATUS_OF[state] === status) }),
  };
}

function renderList({ views }: VideoPage): DialectAnswer {
  return { status: 200, body: { data: views.map(renderTask) } };
}

/** AO-15, X5: the event of an end is named after it. */
function renderChange(view: VideoView) {
  const { state } = view.video;
  return { event: isEnded(state) ? STATUS_OF[state] : PROGRESS_EVENT, data: JSON.stringify(renderTask(view)) };
}

/** The shape of a task's own error (AO-13). */
function renderRefusal(refusal: Refusal): DialectAnswer {
  const error = { type: refusalCode(refusal), message: refusalText(refusal) };
  return { status: refusal.httpStatus, body: { error } };
}

/** The documented face of api.airforce's older revision; X2: only a prefix or the caller's own dialect selects it. */
export const airforce2024: Dialect = {
  name: 'airforce-2024',
  // AO-06
  retentionSeconds: TASK_LIFETIME_SECONDS,
  renderRefusal,
  routes: [
    {
      kind: 'create',
      method: 'POST',
      path: AIRFORCE_PATHS.create,
      meaning: 'creates a task',
      parse,
      render: renderCreated,
    },
    {
      kind: 'read',
      method: 'GET',
      path: AIRFORCE_PATHS.task,
      meaning: 'the task, with `Retry-After` while it runs',
      render: renderRead,
    },
    {
      kind: 'list',
      method: 'GET',
      path: AIRFORCE_PATHS.tasks,
      meaning: "the caller's newest: `?limit=&status=`",
      parse: parseList,
      render: renderList,
    },
    {
      kind: 'stream',
      method: 'GET',
      path: AIRFORCE_PATHS.stream,
      meaning: 'server-sent events, one for each change',
      renderChange,
      closing: [],
    },
    {
      kind: 'delete',
      method: 'DELETE',
      path: AIRFORCE_PATHS.task,
      meaning: "removes the record from the caller's history, and the clip",
      // AO-18: the clip goes too, and what was debited stays debited.
      purgesMedia: true,
      // X9
      whileRunning: 'hide',
      unknownId: 'success',
      render: () => ({ status: 200, body: { deleted: true } }),
    },
    ...modelRoutes,
  ],
};
