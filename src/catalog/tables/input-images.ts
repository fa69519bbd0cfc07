/** The tables of input images and of their uses. */

import { desc } from 'drizzle-orm';
import { index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/** Input images that callers uploaded, each once; the bytes lie in the media store under their hash. */
export const inputImages = pgTable(
  'input_images',
  {
    sha256: text().primaryKey(),
    mediaType: text('media_type').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    width: integer().notNull(),
    height: integer().notNull(),
    storedAt: instant('stored_at').notNull(),
    /** When a request last brought or named it: it is kept for a while, since a video may be about to use it. */
    lastUsedAt: instant('last_used_at').notNull(),
  },
  (table) => [index('input_images_last_used').on(table.lastUsedAt)],
);

/** Which videos are made from which input images. */
export const inputImageUses = pgTable(
  'input_image_uses',
  {
    sha256: text().notNull(),
    videoId: text('video_id').notNull(),
    /** When the video ended: a trigger copies it. */
    endedAt: instant('ended_at'),
  },
  (table) => [
    primaryKey({ columns: [table.sha256, table.videoId] }),
    index('input_image_uses_video').on(table.videoId),
    // Whether an image is in use, and until when it was, is told by the first entry, however many videos used it.
    index('input_image_uses_last').on(table.sha256, desc(table.endedAt)),
  ],
);
