DROP INDEX "videos_caller_created";--> statement-breakpoint
DROP INDEX "videos_unended";--> statement-breakpoint
DROP INDEX "videos_expiring";--> statement-breakpoint
DROP INDEX "waiting_order";--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD COLUMN "ended_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "input_image_uses" ADD COLUMN "ended_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "idempotency_keys_ended" ON "idempotency_keys" USING btree ("ended_at") WHERE "idempotency_keys"."ended_at" is not null;--> statement-breakpoint
CREATE INDEX "input_image_uses_video" ON "input_image_uses" USING btree ("video_id");--> statement-breakpoint
CREATE INDEX "input_image_uses_last" ON "input_image_uses" USING btree ("sha256","ended_at" desc);--> statement-breakpoint
CREATE INDEX "orphans_account" ON "orphans" USING btree ("account","created_at");--> statement-breakpoint
CREATE INDEX "orphans_ended" ON "orphans" USING btree ("ended_at") WHERE "orphans"."ended_at" is not null;--> statement-breakpoint
CREATE INDEX "videos_caller_state" ON "videos" USING btree ("caller_id","state","created_at") WHERE "videos"."hidden_at" is null;--> statement-breakpoint
CREATE INDEX "videos_caller_model" ON "videos" USING btree ("caller_id","model","created_at") WHERE "videos"."hidden_at" is null;--> statement-breakpoint
CREATE INDEX "videos_state" ON "videos" USING btree ("state","created_at");--> statement-breakpoint
CREATE INDEX "videos_model" ON "videos" USING btree ("model","created_at");--> statement-breakpoint
CREATE INDEX "videos_batch" ON "videos" USING btree ("batch_id","created_at") WHERE "videos"."batch_id" is not null;--> statement-breakpoint
CREATE INDEX "videos_unopened" ON "videos" USING btree ("created_at","id") WHERE "videos"."ended_at" is null and "videos"."opened_at" is null;--> statement-breakpoint
CREATE INDEX "videos_over" ON "videos" USING btree ("ended_at") WHERE "videos"."purged_at" is not null and "videos"."settled_micro_usd" is not null;--> statement-breakpoint
CREATE INDEX "waiting_model" ON "waiting" USING btree ("pool","model");--> statement-breakpoint
CREATE INDEX "videos_caller_created" ON "videos" USING btree ("caller_id","created_at","id") WHERE "videos"."hidden_at" is null;--> statement-breakpoint
CREATE INDEX "videos_unended" ON "videos" USING btree (least("resumes", 10),coalesce("audited_at", "opened_at")) WHERE "videos"."ended_at" is null and "videos"."opened_at" is not null;--> statement-breakpoint
CREATE INDEX "videos_expiring" ON "videos" USING btree ("expires_at") WHERE "videos"."purged_at" is null and "videos"."ended_at" is not null;--> statement-breakpoint
CREATE INDEX "waiting_order" ON "waiting" USING btree ("pool","caller_id","priority" desc,"place");--> statement-breakpoint
UPDATE "idempotency_keys" k SET "ended_at" = v."ended_at" FROM "videos" v WHERE v."id" = k."video_id" AND v."ended_at" IS NOT NULL;--> statement-breakpoint
UPDATE "input_image_uses" u SET "ended_at" = v."ended_at" FROM "videos" v WHERE v."id" = u."video_id" AND v."ended_at" IS NOT NULL;--> statement-breakpoint
-- Copies a video's end to what outlives it by some time, so that an index tells what has.
CREATE FUNCTION "copy_end"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE idempotency_keys SET ended_at = new.ended_at WHERE video_id = new.id;
  UPDATE input_image_uses SET ended_at = new.ended_at WHERE video_id = new.id;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "videos_copy_end" AFTER UPDATE OF "ended_at" ON "videos"
  FOR EACH ROW WHEN (new."ended_at" IS NOT NULL) EXECUTE FUNCTION "copy_end"();--> statement-breakpoint
-- Counts go along indexes, which spares the rows themselves only where the table was vacuumed not long ago.
ALTER TABLE "waiting" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);--> statement-breakpoint
ALTER TABLE "videos" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
