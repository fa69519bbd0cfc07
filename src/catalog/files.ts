/** Rows of files: manifests and images that callers brought, and what was written of their batches. */

import { and, desc, eq, lt, ne, sql } from 'drizzle-orm';
import type { Db } from './driver/database.ts';
import { isBehind } from './page.ts';
import { files } from './tables/batches.ts';

export type FileRow = typeof files.$inferSelect;

/** The purpose of what is no file yet: its bytes are on their way. */
const INCOMING = 'incoming';

/** Long enough for the slowest upload; what is left of one that its process did not survive is removed then. */
const INCOMING_MS = 24 * 60 * 60_000;

/** Enters what is to become a file, so that its bytes belong to a row from the first on; no caller is shown it. */
export async function announceFile(db: Db, { id, callerId }: Pick<FileRow, 'id' | 'callerId'>): Promise<void> {
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + INCOMING_MS);
  await db.insert(files).values({ id, callerId, filename: '', purpose: INCOMING, sizeBytes: 0, createdAt, expiresAt });
}

/** Enters a file whose bytes are stored; the same id once more is the same file, rewritten. */
export async function enterFile(db: Db, file: FileRow): Promise<void> {
  const { id: _, ...rewritten } = file;
  await db.insert(files).values(file).onConflictDoUpdate({ target: files.id, set: rewritten });
}

/** The file, or null. */
export async function findFile(db: Db, id: string): Promise<FileRow | null> {
  const [row] = await db
    .select()
    .from(files)
    .where(and(eq(files.id, id), ne(files.purpose, INCOMING)));
  return row ?? null;
}

export interface FileFilter {
  readonly callerId: string;
  readonly purpose?: string | undefined;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  /** The last file of the page before. */
  readonly after: FileRow | null;
}

/** A page of a caller's files, and one more. */
export async function listFiles(db: Db, { callerId, purpose, limit, order, after }: FileFilter) {
  const place = { at: files.createdAt, id: files.id };
  const first = order === 'asc' ? 'oldest' : 'newest';
  return await db
    .select()
    .from(files)
    .where(
      and(
        eq(files.callerId, callerId),
        ne(files.purpose, INCOMING),
        purpose === undefined ? undefined : eq(files.purpose, purpose),
        after ? isBehind(place, { at: after.createdAt, id: after.id }, first) : undefined,
      ),
    )
    .orderBy(...(order === 'asc' ? [files.createdAt, files.id] : [desc(files.createdAt), desc(files.id)]))
    .limit(limit + 1);
}

/** Forgets a file; its bytes are to be removed before. */
export async function forgetFile(db: Db, id: string): Promise<void> {
  await db.delete(files).where(eq(files.id, id));
}

/** Ids of files that have had their time, oldest first. */
export async function listExpiredFiles(db: Db, limit: number): Promise<readonly string[]> {
  const rows = await db
    .select({ id: files.id })
    .from(files)
    .where(lt(files.expiresAt, sql`now()`))
    .orderBy(files.expiresAt)
    .limit(limit);
  return rows.map(({ id }) => id);
}
