/** Reads clips back with a library that had no part in encoding them. */

import { BufferSource, Input, MP4 } from 'mediabunny';
/** What a player would find in the clip. */
export async function readClip(bytes: Uint8Array) {
  // Imported as the renderer imports it: the library must not be loaded twice.
  const input = new Input({ source: new BufferSource(bytes), formats: [MP4] });
  const track = await input.getPrimaryVideoTrack();
  if (!track) throw new Error('the clip has no video track');
  const { packetCount } = await track.computePacketStats();
  return {
    durationSeconds: await input.computeDuration(),
    frames: packetCount,
    codec: track.codec,
    width: track.displayWidth,
    height: track.displayHeight,
  };
}

/** The names of the outermost boxes in order; throws if they do not fill the file exactly. */
export function topLevelBoxes(bytes: Uint8Array): string[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names: string[] = [];
  let at = 0;
  while (at < view.length) {
    const size32 = view.readUInt32BE(at);
    names.push(view.toString('latin1', at + 4, at + 8));
    at += size32 === 1 ? Number(view.readBigUInt64BE(at + 8)) : size32;
  }
  if (at !== view.length) throw new Error(`the boxes end at ${at}, the file at ${view.length}`);
  return names;
}
