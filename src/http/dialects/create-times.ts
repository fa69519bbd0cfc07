/** What a create says of when its video is wanted, in headers that every dialect has beside its own words. */

import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../../domain/failure.ts';
import type { CreateTimes } from '../../gateway/orders.ts';

const PRIORITIES: ReadonlyMap<string, number> = new Map([
  ['low', -1],
  ['normal', 0],
  ['high', 1],
]);
const WHOLE_SECONDS = /^\d{1,9}$/;
const ISO_8601 = /^\d{4}-\d{2}-\d{2}(T.+)?$/;
/** Read as it stands it would be a time of the zone that this process happens to run in. */
const WITHOUT_ZONE = /T[\d:.]+$/;

function refuse(param: string, problem: string): Refusal {
  return new Refusal('invalid_request', `the header ${param} ${problem}`, { param });
}

function isoMs(value: string): number {
  return Date.parse(WITHOUT_ZONE.test(value) ? `${value}Z` : value);
}

/** An instant, UTC where it names no zone, or whole seconds from now. */
function readInstant(headers: IncomingHttpHeaders, name: string): Date | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  const value = String(text).trim();
  const at = WHOLE_SECONDS.test(value) ? Date.now() + Number(value) * 1000 : isoMs(value);
  if (Number.isNaN(at) || !(WHOLE_SECONDS.test(value) || ISO_8601.test(value))) {
    throw refuse(name, 'is neither an ISO 8601 time nor whole seconds from now');
  }
  if (at <= Date.now()) throw refuse(name, 'names a time that has passed');
  return new Date(at);
}

function readPriority(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['x-priority'];
  if (text === undefined) return undefined;
  const priority = PRIORITIES.get(String(text).trim().toLowerCase());
  if (priority === undefined) throw refuse('x-priority', `is not one of ${[...PRIORITIES.keys()].join(', ')}`);
  return priority;
}

/** `x-start-before`, `x-end-before` and `x-priority`. @throws Refusal `invalid_request`. */
export function readCreateTimes(headers: IncomingHttpHeaders): CreateTimes {
  const startBefore = readInstant(headers, 'x-start-before');
  const endBefore = readInstant(headers, 'x-end-before');
  const priority = readPriority(headers);
  return {
    ...(startBefore && { startBefore }),
    ...(endBefore && { endBefore }),
    ...(priority !== undefined && { priority }),
  };
}
