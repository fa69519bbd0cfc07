/** What a process counts while it works: answers, exchanges with upstreams, archives. */

import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { AnsweredRequest } from '../../domain/answered-request.ts';
import type { CountIncident } from '../../domain/incident.ts';
import { COUNTED } from './definitions.ts';

/** An exchange with an upstream that is over. */
export interface UpstreamExchange {
  readonly account: string;
  readonly kind: string;
  readonly outcome: string;
  readonly seconds: number;
}

/** An archiving that is over; bytes and time count where there is a clip. */
export interface Archiving {
  readonly outcome: 'archived' | 'problem' | 'interrupted';
  readonly sizeBytes: number;
  readonly seconds: number;
}

export interface ProcessMetrics {
  readonly registry: Registry;
  countAnswer(answer: AnsweredRequest): void;
  countExchange(exchange: UpstreamExchange): void;
  countArchiving(archiving: Archiving): void;
  readonly countIncident: CountIncident;
}

type Names<Type extends string> = {
  [Name in keyof typeof COUNTED]: (typeof COUNTED)[Name]['type'] extends Type ? Name : never;
}[keyof typeof COUNTED];

const MOST_WORDS = 50;
const LONGEST_WORD = 40;

/** Upstreams choose their words, and each makes a series of its own. */
function createWordBound(): (word: string) => string {
  const words = new Set<string>();
  return (word) => {
    const plain = word
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
      .slice(0, LONGEST_WORD);
    if (words.size < MOST_WORDS) words.add(plain);
    return words.has(plain) ? plain : 'other';
  };
}

/** Opens the counting of this process, all of it at zero. */
export function createProcessMetrics(): ProcessMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'clipyard_' });
  const counter = (name: Names<'counter'>) => {
    const { help, labels } = COUNTED[name];
    return new Counter<string>({ name, help, labelNames: labels, registers: [registry] });
  };
  const histogram = (name: Names<'histogram'>) => {
    const { help, labels, buckets } = COUNTED[name];
    return new Histogram<string>({ name, help, labelNames: labels, buckets: [...buckets], registers: [registry] });
  };
  const answers = counter('clipyard_http_requests_total');
  const answerSeconds = histogram('clipyard_http_request_duration_seconds');
  const exchanges = counter('clipyard_upstream_requests_total');
  const exchangeSeconds = histogram('clipyard_upstream_request_duration_seconds');
  const incidents = counter('clipyard_incidents_total');
  const unknownWords = counter('clipyard_unknown_words_total');
  const boundWord = createWordBound();
  const archives = counter('clipyard_archives_total');
  const archivedBytes = counter('clipyard_archived_bytes_total');
  const archiveSeconds = histogram('clipyard_archive_duration_seconds');
  return {
    registry,
    countAnswer({ dialect, method, route, status, elapsedMs }) {
      // Where there is no route anything may have been asked for.
      const labels = { dialect: dialect ?? (route === null ? 'none' : 'clipyard'), method, route: route ?? 'none' };
      answers.inc({ ...labels, status });
      answerSeconds.observe(labels, elapsedMs / 1000);
    },
    countExchange({ account, kind, outcome, seconds }) {
      exchanges.inc({ account, kind, outcome });
      exchangeSeconds.observe({ account, kind }, seconds);
    },
    countIncident(kind, account, word) {
      incidents.inc({ kind, account });
      if (word !== undefined) unknownWords.inc({ account, word: boundWord(word) });
    },
    countArchiving({ outcome, sizeBytes, seconds }) {
      archives.inc({ outcome });
      if (outcome !== 'archived') return;
      archivedBytes.inc(sizeBytes);
      archiveSeconds.observe(seconds);
    },
  };
}
