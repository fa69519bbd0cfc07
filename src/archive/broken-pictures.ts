/** Whether the pictures of a stored clip can be decoded: ffmpeg decodes them once, bounded in time and size. */

import { EncodedPacket } from 'mediabunny';
import { defined } from '../domain/defined.ts';
import type { MediaStore } from '../media/media-store.ts';
import { countPictures, type Decoding } from './ffmpeg.ts';
import { withVideoTrack } from './mp4-probe.ts';
import { type CodedPictures, picturesOf, streamPictures } from './picture-stream.ts';

/** Decoders conceal small damage, and a clip with a few spoilt pictures still plays. */
const LEAST_DECODED_SHARE = 0.75;
/** Of coded pictures: more than most clips have, and what is read beyond stays in memory for a while. */
const MOST_BYTES = 32 * 1024 * 1024;

/** A picture and what a decoder has to know of it, both in hexadecimal; `codec` as in MP4s. */
interface Proof {
  readonly codec: string;
  readonly description?: string;
  readonly picture: string;
}

/** The same grey picture of 64 by 64 in each coding: a program that cannot decode ours says nothing about others. */
export const PROOFS: Readonly<Partial<Record<CodedPictures['codec'], Proof>>> = {
  avc: {
    codec: 'avc1.42c00a',
    description: '0142c00affe100176742c00ad90426c044000003000400000300083c48992001000568cb83cb20',
    picture: '00000017658884057c98a000205b2727275d75d75d75d75d75d780',
  },
  hevc: {
    codec: 'hev1.1.6.L30.90',
    description:
      '0101600000009000000000001ef000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003001e959809a10001002' +
      '942010101600000030090000003000003001ea020810596566924caf016808000000300800000030084a2000100074401c172b42240',
    picture: '0000000e2801af1380e668e3ff1cfc7f6cf0',
  },
  vp9: { codec: 'vp09.00.10.08', picture: '824983420003f003f60038241c184a00003060000013b818000000' },
  av1: { codec: 'av01.0.00M.08', picture: '0a0a00000002afff9b5f2008320b1000c000000280000009ac' },
};

/** What is wrong with the pictures, null where nothing is or ffmpeg cannot tell; throws where it cannot be asked. */
export async function findBrokenPictures(
  ffmpeg: string,
  { store, clipKey }: { store: MediaStore; clipKey: string },
): Promise<string | null> {
  return await withVideoTrack(store, clipKey, async (track) => {
    const { packets, ...facts } = await picturesOf(track);
    const pictures = { ...facts, packets: limit(packets) };
    const { decoded, given, isComplete, hasComplained } = await decode(ffmpeg, pictures);
    if (!isComplete || !hasComplained || decoded >= given * LEAST_DECODED_SHARE) return null;
    if (decoded === 0 && !(await canDecode(ffmpeg, pictures.codec))) return null;
    return `only ${decoded} of its first ${given} pictures can be decoded`;
  });
}

async function* limit(packets: CodedPictures['packets']): AsyncGenerator<EncodedPacket> {
  let sizeBytes = 0;
  for await (const packet of packets) {
    yield packet;
    sizeBytes += packet.byteLength;
    if (sizeBytes >= MOST_BYTES) return;
  }
}

/** Asked where nothing could be decoded: the program may be another one, or have no decoder for this. */
async function canDecode(ffmpeg: string, codec: CodedPictures['codec']): Promise<boolean> {
  const proof = PROOFS[codec];
  if (proof === undefined) return false;
  const { decoded } = await decode(ffmpeg, {
    codec,
    decoderConfig: defined({
      codec: proof.codec,
      codedWidth: 64,
      codedHeight: 64,
      description: proof.description === undefined ? undefined : Buffer.from(proof.description, 'hex'),
    }),
    packets: [new EncodedPacket(Buffer.from(proof.picture, 'hex'), 'key', 0, 1)],
  });
  return decoded > 0;
}

/** How many pictures were given to ffmpeg, which may have seen enough before the last, and what came of them. */
async function decode(ffmpeg: string, pictures: CodedPictures): Promise<Decoding & { readonly given: number }> {
  const { clip, finished } = streamPictures(pictures);
  try {
    const decoding = await countPictures(ffmpeg, clip);
    return { ...decoding, given: await finished };
  } finally {
    await finished;
  }
}
