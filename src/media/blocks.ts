/** The blocks of memory through which media are written: the same ones for all objects of a process, again and again. */

/** Large, since every write wakes a thread. */
export const BLOCK_BYTES = 2 * 1024 * 1024;
/** As many as one file fills and writes at a time. */
const BLOCKS_AT_ONCE = 5;

/** As far as it is used here; the compiler knows it only together with all of a browser. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** Blocks of memory that may be written directly: WebAssembly's memory is the one that begins at a page. */
export function alignedBlocks(count: number, blockBytes: number): Buffer[] {
  const pages = Math.ceil((count * blockBytes) / 65_536);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return Array.from({ length: count }, (_, n) => Buffer.from(buffer, n * blockBytes, blockBytes));
}

/** Blocks of one size that are filled and written again and again. */
export interface Blocks {
  /** Blocks that were left to be collected as garbage stayed with the process for many clips. */
  take(): Buffer;
  /** Returns a block that nothing reads or writes any more. */
  giveBack(block: Buffer): void;
}

/** Blocks of this size; `atOnce` are made where none is free. */
export function createBlocks(blockBytes: number, atOnce: number): Blocks {
  const free: Buffer[] = [];
  const take = (): Buffer => {
    if (free.length === 0) free.push(...alignedBlocks(atOnce, blockBytes));
    return free.pop() ?? take();
  };
  return { take, giveBack: (block) => void free.push(block) };
}

/** Those of files. */
export const FILE_BLOCKS = createBlocks(BLOCK_BYTES, BLOCKS_AT_ONCE);
