/** A body whose chunks are lent to who reads it, so that no memory is made for them. */

/** Takes a chunk, which is lent until the function returns; what it returns is waited for before the next. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined;

/** A body as it comes. */
export interface LentBody {
  /** Hands over each chunk. Resolves at the body's end; rejects when that does not come, `take` fails, or it is dropped. */
  read(take: TakeChunk): Promise<void>;
  /** Ends it wherever it is, with this reason for whoever reads it. */
  drop(reason?: Error): void;
}
