/** What a failed statement says of itself: which one it is, and none of the values, which are prompts and secrets as well. */

import { isNativeError } from 'node:util/types';
import { DrizzleQueryError } from 'drizzle-orm/errors';

/** What runs a statement of drizzle's. */
interface Prepared {
  execute(placeholders?: Record<string, unknown>): Promise<unknown>;
}

const silenced = new WeakSet<object>();

/** Drivers keep the values beside their words, and servers quote rows in their details. */
function leaveOut(of: object): void {
  for (const name of ['params', 'detail']) if (name in of) Reflect.set(of, name, undefined);
}

/** Its message goes to logs and, as the failure of an activity, to Temporal; that of many rows would be megabytes. */
function leaveValuesOut(error: unknown): void {
  if (!(error instanceof DrizzleQueryError)) return;
  const { message, stack } = error;
  error.message = `Failed query: ${error.query}`;
  error.stack = (stack ?? '').replace(message, () => error.message);
  for (let current: unknown = error; isNativeError(current); current = current.cause) leaveOut(current);
}

/** Has statements of this kind, within transactions as well, fail without their values. */
export function failWithoutValues({ prototype }: { readonly prototype: Prepared }): void {
  if (silenced.has(prototype)) return;
  silenced.add(prototype);
  const { execute } = prototype;
  prototype.execute = async function executeInPrivate(this: Prepared, placeholders) {
    try {
      return await execute.call(this, placeholders);
    } catch (error) {
      leaveValuesOut(error);
      throw error;
    }
  };
}
