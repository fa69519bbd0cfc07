/** The blocks of memory through which files are written: the same ones for all files of a process, again and again. */

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

const free: Buffer[] = [];

/** A block of `BLOCK_BYTES`. Blocks that were left to be collected as garbage stayed with the process for many clips. */
export function takeBlock(): Buffer {
  if (free.length === 0) free.push(...alignedBlocks(BLOCKS_AT_ONCE, BLOCK_BYTES));
  return free.pop() ?? takeBlock();
}

/** Returns a block that nothing reads or writes any more. */
export function giveBlockBack(block: Buffer): void {
  free.push(block);
}
