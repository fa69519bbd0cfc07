/** The metrics that Clipyard serves, by name: what each says, and of what. docs/metrics.md prints this table. */

import { INCIDENTS } from '../../domain/incident.ts';

interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

/** From an answer out of memory to an a4f create that waits for its clip. */
const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];
const EXCHANGE_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1200];
const ARCHIVE_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

const incidentWords = Object.entries(INCIDENTS)
  .map(([kind, meaning]) => `\`${kind}\` ${meaning[0]?.toLowerCase()}${meaning.slice(1, -1)}`)
  .join('; ');

/** What a process has done itself, since it started. */
export const COUNTED = {
  clipyard_http_requests_total: {
    type: 'counter',
    labels: ['dialect', 'method', 'route', 'status'],
    help: 'Requests answered; dialect `clipyard` for our own routes, route `none` where there is none.',
  },
  clipyard_http_request_duration_seconds: {
    type: 'histogram',
    labels: ['dialect', 'method', 'route'],
    help: 'From a request to the end of its answer, streams included.',
    buckets: ANSWER_SECONDS,
  },
  clipyard_upstream_requests_total: {
    type: 'counter',
    labels: ['account', 'kind', 'outcome'],
    help:
      'Exchanges with upstreams by kind (`create poll cancel list models probe follow`); a create with outcome `lost` ' +
      'is a lost answer.',
  },
  clipyard_upstream_request_duration_seconds: {
    type: 'histogram',
    labels: ['account', 'kind'],
    help: 'How long they took, without waiting for their turn.',
    buckets: EXCHANGE_SECONDS,
  },
  clipyard_incidents_total: {
    type: 'counter',
    labels: ['kind', 'account'],
    help: `What operators should hear of although every clip goes on: ${incidentWords}.`,
  },
  clipyard_unknown_words_total: {
    type: 'counter',
    labels: ['account', 'word'],
    help:
      'How often an upstream told a task’s state in a word that is not known, such as one for an end that it has changed; the ' +
      'first 50 words, the others are `other`.',
  },
  clipyard_archives_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Archivings: `archived`, `problem` (the link or its bytes), `interrupted` (taken up again).',
  },
  clipyard_archived_bytes_total: { type: 'counter', labels: [], help: 'Bytes of the clips archived.' },
  clipyard_archive_duration_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From the first byte asked for to the clip read back, of those archived.',
    buckets: ARCHIVE_SECONDS,
  },
} as const satisfies Readonly<Record<string, Definition>>;

/** What the catalog knows when it is asked, the same whichever process is asked. */
export const READ = {
  clipyard_catalog_up: {
    type: 'gauge',
    labels: [],
    help: '1 when the catalog could be read in time; all below are absent when it is 0.',
  },
  clipyard_videos: { type: 'gauge', labels: ['state'], help: 'Videos that have not ended.' },
  clipyard_videos_ended_last_day: {
    type: 'gauge',
    labels: ['state'],
    help: 'Videos made in the last 24 hours that have ended.',
  },
  clipyard_queue_length: { type: 'gauge', labels: ['pool'], help: 'Videos that wait for a slot.' },
  clipyard_queue_oldest_wait_seconds: {
    type: 'gauge',
    labels: ['pool'],
    help: 'How long the first of them has waited.',
  },
  clipyard_account_slots_limit: { type: 'gauge', labels: ['account'], help: 'Tasks it may have at once.' },
  clipyard_account_slots_in_use: { type: 'gauge', labels: ['account'], help: 'Slots taken.' },
  clipyard_account_state: {
    type: 'gauge',
    labels: ['account', 'state'],
    help: '1 for the state it is in: `active paused suspended removed`.',
  },
  clipyard_submissions: {
    type: 'gauge',
    labels: ['account', 'state'],
    help: 'Open submissions; `unconfirmed` are creates whose answer was lost and that are still looked for.',
  },
  clipyard_orphans: { type: 'gauge', labels: ['account'], help: 'Tasks that belong to no submission.' },
  clipyard_settled_micro_usd: { type: 'gauge', labels: [], help: 'Charged to all callers so far, less refunds.' },
  clipyard_held_micro_usd: { type: 'gauge', labels: [], help: 'Held for videos whose cost is not decided.' },
  clipyard_lost_last_day_micro_usd: {
    type: 'gauge',
    labels: [],
    help: 'Billed by upstreams and paid by no caller, for videos and orphans made in the last 24 hours.',
  },
} as const satisfies Readonly<Record<string, Definition>>;
