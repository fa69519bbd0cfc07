/** Keys of the media store: which ones are allowed, and where a video's files stand. */

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** Throws for a key that could leave the store or hide in it: no empty name, none that begins with a dot. */
export function assertMediaKey(key: string): void {
  const isAllowed = key.length <= 512 && key.split('/').every((name) => NAME.test(name));
  if (!isAllowed)
    throw new Error(`"${key}" is not a key of the media store: it needs "/"-separated names of A-Z a-z 0-9 . _ -`);
}

/** What the keys below begin with. */
export const MEDIA_FOLDERS = ['videos', 'films', 'files', 'inputs'] as const;

/** Where a video's archived MP4 stands. */
export function clipKeyOf(videoId: string): string {
  return `videos/${videoId}/clip.mp4`;
}

/** Where the JPEG beside it stands. */
export function posterKeyOf(videoId: string): string {
  return `videos/${videoId}/poster.jpg`;
}

/** Where the sprite sheet stands, once it has been asked for. */
export function spriteSheetKeyOf(videoId: string): string {
  return `videos/${videoId}/spritesheet.jpg`;
}

/** Where a film stands. */
export function filmKeyOf(filmId: string): string {
  return `films/${filmId}/film.mp4`;
}

/** Where a file that a caller brought, or that was written for it, stands. */
export function fileKeyOf(fileId: string): string {
  return `files/${fileId}`;
}
