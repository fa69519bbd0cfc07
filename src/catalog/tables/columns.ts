/** Kinds of columns that several tables have. */

import { bigint, timestamp } from 'drizzle-orm/pg-core';

export const microUsd = (name: string) => bigint(name, { mode: 'number' });

export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });
