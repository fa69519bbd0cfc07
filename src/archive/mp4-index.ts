/** How much the index of an MP4 claims to hold: a parser makes room for all of it, whether it is there or not. */

/** Boxes of boxes that the parser goes down into; `meta` is left out, since it holds no tables. */
const CONTAINERS = new Set([
  'trak',
  'mdia',
  'minf',
  'dinf',
  'edts',
  'sinf',
  'schi',
  'stbl',
  'wave',
  'mvex',
  'moof',
  'traf',
  'moov',
]);
/** Where the boxes of a sample description begin, of pictures and of the versions of sound. */
const DESCRIPTION_OFFSETS = [86, 36, 52, 72];

/** A box takes more time than an entry of a table. */
const BOX_CLAIMS = 10;

/** What the tables of one track say together. */
interface Timing {
  samples: number;
  hasOffsets: boolean;
}

interface Range {
  readonly start: number;
  readonly end: number;
  /** Null outside of a track's tables. */
  readonly timing: Timing | null;
}

interface Box extends Range {
  readonly type: string;
}

/** Entries and samples that are claimed by all indexes of a file together. */
export class IndexClaims {
  readonly #most: number;
  readonly #timings: Timing[] = [];
  #claimed = 0;
  /** The pictures lie in fragments behind the index. */
  isFragmented = false;

  constructor(most: number) {
    this.#most = most;
  }

  get isTooMuch(): boolean {
    const listed = this.#timings.filter(({ hasOffsets }) => hasOffsets);
    return listed.reduce((sum, { samples }) => sum + samples, this.#claimed) > this.#most;
  }

  /**
   * Adds those of one index, given without its own header, until they are too much. Goes as the parser does: a box may
   * end behind what it lies in, so that what follows counts again.
   */
  add(index: Buffer): void {
    const ranges: Range[] = [{ start: 0, end: index.length, timing: null }];
    for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
      for (let at = range.start; at + 8 <= Math.min(range.end, index.length) && this.#claimed <= this.#most; ) {
        const box = boxAt(index, at, range.timing);
        if (box === null) break;
        this.#claimed += BOX_CLAIMS;
        ranges.push(...this.#within(index, box));
        at = box.end;
      }
    }
  }

  /** The boxes in it; what it claims itself is counted. */
  #within(index: Buffer, box: Box): readonly Range[] {
    const { type, start, timing } = box;
    if (type === 'mvex') this.isFragmented = true;
    if (type === 'stbl' && timing === null) return [{ ...box, timing: this.#newTiming() }];
    if (CONTAINERS.has(type)) return [box];
    if (type === 'stsd') return descriptionsIn(index, box);
    this.#claimed += claimsOf(index, box);
    if (timing === null || (type !== 'stts' && type !== 'ctts')) return [];
    const samples = samplesOf(index, start);
    if (type === 'stts') timing.samples += samples;
    else {
      timing.hasOffsets = true;
      this.#claimed += samples;
    }
    return [];
  }

  #newTiming(): Timing {
    const timing = { samples: 0, hasOffsets: false };
    this.#timings.push(timing);
    return timing;
  }
}

/** Null for what the parser takes for no box. */
function boxAt(index: Buffer, at: number, timing: Timing | null): Box | null {
  const isLong = index.readUInt32BE(at) === 1;
  if (isLong && at + 16 > index.length) return null;
  const [headerBytes, sizeBytes] = isLong ? [16, Number(index.readBigUInt64BE(at + 8))] : [8, index.readUInt32BE(at)];
  if (sizeBytes < headerBytes) return null;
  return { type: index.toString('latin1', at + 4, at + 8), start: at + headerBytes, end: at + sizeBytes, timing };
}

/** 0 where the index ends before. */
const numberAt = (index: Buffer, at: number) => (at + 4 <= index.length ? index.readUInt32BE(at) : 0);

/** The flag of `saiz` with which two words stand before its numbers. */
const NAMES_ITS_KIND = 1;

/** How many entries a table has, or samples a run. */
function claimsOf(index: Buffer, { type, start }: Box): number {
  switch (type) {
    case 'stts':
    case 'ctts':
    case 'stss':
    case 'stco':
    case 'co64':
    case 'elst':
    case 'trun':
      return numberAt(index, start + 4);
    // One size that all samples have is one entry.
    case 'stsz':
      return numberAt(index, start + 4) === 0 ? numberAt(index, start + 8) : 1;
    case 'stz2':
      return numberAt(index, start + 8);
    case 'saiz':
      return numberAt(index, start + ((numberAt(index, start) & NAMES_ITS_KIND) === 0 ? 5 : 13));
    case 'stsc':
      return numberAt(index, start + 4) + chunksOf(index, start);
    default:
      return 0;
  }
}

/** Where each entry of a table of this width begins, as far as the index goes. */
function* entriesOf(index: Buffer, start: number, widthBytes: number): Generator<number> {
  const most = Math.floor((index.length - start - 8) / widthBytes);
  const count = Math.min(numberAt(index, start + 4), most);
  for (let n = 0; n < count; n += 1) yield start + 8 + n * widthBytes;
}

/** Samples that the runs of `stts` or `ctts` stand for. */
function samplesOf(index: Buffer, start: number): number {
  let samples = 0;
  for (const at of entriesOf(index, start, 8)) samples += numberAt(index, at);
  return samples;
}

/** Chunks that the runs of `stsc` stand for. */
function chunksOf(index: Buffer, start: number): number {
  let [chunks, last] = [0, 1];
  for (const at of entriesOf(index, start, 12)) {
    const first = numberAt(index, at);
    chunks += Math.max(0, first - last);
    last = first;
  }
  return chunks;
}

/** The boxes in each sample description; where they begin depends on what it describes. */
function descriptionsIn(index: Buffer, { start, end, timing }: Box): readonly Range[] {
  const ranges: Range[] = [];
  for (let at = start + 8; at + 8 <= Math.min(end, index.length); ) {
    const description = boxAt(index, at, timing);
    if (description === null) break;
    for (const offset of DESCRIPTION_OFFSETS) ranges.push({ start: at + offset, end: description.end, timing });
    at = description.end;
  }
  return ranges;
}
