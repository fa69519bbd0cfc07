/** The rendering of a clip, from picture to MP4. */

import { encodeMp4 } from './encode-mp4.ts';
import { type ClipSpec, type FrameSize, openPicture } from './picture.ts';

const FRAMES_PER_SECOND = 12;
const SHORT_SIDE = 360;

/** The picture's size: the short side is fixed, the other follows the ratio and is even, as H.264 wants it. */
function frameSize(aspectRatio: string): FrameSize {
  const [wide, high] = aspectRatio.split(':').map(Number);
  const ratio = wide && high ? wide / high : 16 / 9;
  const longSide = Math.round((SHORT_SIDE * Math.max(ratio, 1 / ratio)) / 2) * 2;
  return ratio >= 1 ? { width: longSide, height: SHORT_SIDE } : { width: SHORT_SIDE, height: longSide };
}

/** Renders the clip: H.264 in an MP4 whose index comes first. */
export async function renderClip(spec: ClipSpec): Promise<Uint8Array> {
  const size = frameSize(spec.aspectRatio);
  const picture = openPicture(spec, size);
  return encodeMp4({
    ...size,
    framesPerSecond: FRAMES_PER_SECOND,
    frames: spec.seconds * FRAMES_PER_SECOND,
    draw: (frame) => picture.draw(frame / FRAMES_PER_SECOND),
  });
}
