/** Kinds of columns that several tables have. */

import { bigint, customType, timestamp } from 'drizzle-orm/pg-core';

export const microUsd = (name: string) => bigint(name, { mode: 'number' });

export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** PostgreSQL's number of a transaction, which never comes again. */
export const transactionId = customType<{ data: bigint; driverData: string }>({
  dataType: () => 'xid8',
  fromDriver: BigInt,
  toDriver: String,
});
