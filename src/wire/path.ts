/** Documented paths with an id in them. */

/** `/videos/video_1` for `/videos/:id`. */
export function pathOf(path: string, id: string): string {
  return path.replace(':id', () => encodeURIComponent(id));
}
