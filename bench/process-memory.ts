/** How much memory a process and everything that it started take, and what kinds of mappings it is, by /proc. */

import { readdirSync, readFileSync } from 'node:fs';

/** A process as the kernel counts it, in KiB: `pss` shares what several processes map among them. */
export interface ProcessMemory {
  readonly pid: number;
  readonly command: string;
  readonly rss: number;
  readonly pss: number;
  readonly anonymous: number;
}

/** Resident KiB of one process. */
export interface MappingKinds {
  /** Programs and libraries: the kernel takes them back when it is short. */
  readonly files: number;
  /** The heap and the arenas of the C library. */
  readonly malloc: number;
  /** Anonymous mappings of 100 MiB or more, the largest first: WebAssembly memories, arenas of other allocators. */
  readonly large: readonly number[];
  /** V8's heaps and code, stacks, single large allocations. */
  readonly other: number;
}

const FIELD = /^(Rss|Pss|Anonymous): +(\d+) kB$/gm;
const HEADER = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$/m;
const NEXT_MAPPING = /\n(?=[0-9a-f]+-[0-9a-f]+ )/;
const KIB = 1024;
const MIB = 1024 * KIB;
/** The C library's arenas begin at multiples of this, and are no longer. */
const ARENA_BYTES = 64 * MIB;
const LARGE_BYTES = 100 * MIB;

function fieldsOf(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries([...text.matchAll(FIELD)].map(([, name, kib]) => [name, Number(kib)]));
}

function readProcess(pid: number): ProcessMemory {
  const {
    Rss: rss = 0,
    Pss: pss = 0,
    Anonymous: anonymous = 0,
  } = fieldsOf(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  return { pid, command, rss, pss, anonymous };
}

/** Resident KiB of one process, without what it has started. */
export function readResidentKiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

/** Null for a process that has just ended. */
function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

/** The process and its descendants, itself first. @throws where the system has no /proc. */
export function listProcessTree(root: number): readonly number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const tree = [root];
  // Grows while it is gone through.
  for (const found of tree) tree.push(...pids.filter((pid) => parents.get(pid) === found));
  return tree;
}

/** The memory of the process and its descendants, itself first. */
export function readProcessTree(root: number): readonly ProcessMemory[] {
  return listProcessTree(root).map(readProcess);
}

/** What the resident memory of a process consists of. */
export function readMappingKinds(pid: number): MappingKinds {
  const kinds = { files: 0, malloc: 0, large: [] as number[], other: 0 };
  for (const mapping of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(NEXT_MAPPING)) {
    const [, from = '', to = '', name = ''] = HEADER.exec(mapping) ?? [];
    const { Rss: rss = 0 } = fieldsOf(mapping);
    const start = Number.parseInt(from, 16);
    const bytes = Number.parseInt(to, 16) - start;
    if (rss === 0) continue;
    if (name.startsWith('/')) kinds.files += rss;
    else if (name === '[heap]' || (start % ARENA_BYTES === 0 && bytes <= ARENA_BYTES)) kinds.malloc += rss;
    else if (bytes >= LARGE_BYTES) kinds.large.push(rss);
    else kinds.other += rss;
  }
  return { ...kinds, large: kinds.large.toSorted((a, b) => b - a) };
}
