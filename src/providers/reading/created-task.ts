/** The task that the answer to a create names, wherever in it and under whichever of the usual names. */

import type { JsonObject } from '../../domain/json.ts';
import type { MicroUsd } from '../../domain/money.ts';
import { wordsIn } from '../../net/upstream-words.ts';
import { costOf } from './cost.ts';
import { firstOf, holdersIn, idOf, isListing, shownId } from './fields.ts';

/** A task as the answer to its create shows it. */
interface CreatedTask {
  readonly taskId: string;
  readonly costMicroUsd: MicroUsd | null;
}

/** The outermost object that names a task, its documented key first; undefined where the answer names none. */
export function taskMadeIn(body: unknown, idKey: string): CreatedTask | undefined {
  return isListing(body) ? undefined : firstNamed(body, (holder) => shownId(holder, idKey));
}

/** The task of an answer that only numbers the request, as errors are numbered as well: one with a code names none. */
export function taskOfRequestIn(body: unknown): CreatedTask | undefined {
  return wordsIn(body).code === undefined ? firstNamed(body, ({ request_id }) => idOf(request_id)) : undefined;
}

function firstNamed(body: unknown, read: (holder: JsonObject) => string | undefined): CreatedTask | undefined {
  return firstOf(holdersIn(body), (holder) => {
    const taskId = read(holder);
    return taskId === undefined ? undefined : { taskId, costMicroUsd: costOf(holder) };
  });
}
