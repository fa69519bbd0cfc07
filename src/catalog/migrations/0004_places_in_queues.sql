ALTER TABLE "waiting" RENAME COLUMN "tag" TO "place";--> statement-breakpoint
DROP INDEX "waiting_order";--> statement-breakpoint
CREATE INDEX "waiting_place" ON "waiting" USING btree ("pool","caller_id","place","video_id");