/** The size of a picture in pixels, and the quality and aspect ratio that it stands for. */

/**
 * OV-08: `WIDTHxHEIGHT` by quality and aspect ratio. Each size stands here once, so that a size can be read back; 1024p
 * is our name for the two of OpenAI's sizes that no usual quality has.
 */
const SIZES = {
  '480p': { '16:9': '854x480', '9:16': '480x854', '1:1': '480x480', '4:3': '640x480', '3:4': '480x640' },
  '720p': { '16:9': '1280x720', '9:16': '720x1280', '1:1': '720x720', '4:3': '960x720', '3:4': '720x960' },
  '1024p': { '7:4': '1792x1024', '4:7': '1024x1792' },
  '1080p': { '16:9': '1920x1080', '9:16': '1080x1920', '1:1': '1080x1080', '4:3': '1440x1080', '3:4': '1080x1440' },
  '4k': { '16:9': '3840x2160', '9:16': '2160x3840', '1:1': '2160x2160', '4:3': '2880x2160', '3:4': '2160x2880' },
} as const satisfies Record<string, Record<string, string>>;

/** A size in the words of all APIs. */
export interface Frame {
  readonly aspectRatio: string;
  readonly quality: string;
}

const FRAMES_BY_SIZE: ReadonlyMap<string, Frame> = new Map(
  Object.entries(SIZES).flatMap(([quality, sizes]) =>
    Object.entries(sizes).map(([aspectRatio, size]) => [size, { aspectRatio, quality }] as const),
  ),
);

/** Every size that has a quality and an aspect ratio. */
export const KNOWN_SIZES: readonly string[] = [...FRAMES_BY_SIZE.keys()];

/** What a size means; undefined for one that is not in the table. */
export function frameOf(size: string): Frame | undefined {
  return FRAMES_BY_SIZE.get(size);
}

/** The size of a frame; undefined where there is none. */
export function sizeOf({ aspectRatio, quality }: Frame): string | undefined {
  return KNOWN_SIZES.find((size) => {
    const frame = frameOf(size);
    return frame?.aspectRatio === aspectRatio && frame.quality === quality;
  });
}
