-- How many of a caller's videos have not ended is kept with the caller: counting thousands of rows took most of a create.
LOCK TABLE "callers", "videos" IN SHARE ROW EXCLUSIVE MODE;--> statement-breakpoint
ALTER TABLE "callers" ADD COLUMN "unended_videos" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE "callers" c SET "unended_videos" = (SELECT count(*) FROM "videos" v WHERE v."caller_id" = c."id" AND v."ended_at" IS NULL);--> statement-breakpoint

CREATE FUNCTION "count_end"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE callers SET unended_videos = unended_videos - 1 WHERE id = new.caller_id;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "videos_count_end" AFTER UPDATE OF "ended_at" ON "videos"
  FOR EACH ROW WHEN (old."ended_at" IS NULL AND new."ended_at" IS NOT NULL) EXECUTE FUNCTION "count_end"();--> statement-breakpoint

-- A video with its hold and its place in the queue: how many others of its caller have not ended. Nothing is written, and
-- null it is, when these are as many as decide, or when the caller has less left than is needed. The caller's row is
-- changed first, so that no two creates slip past a limit together.
CREATE OR REPLACE FUNCTION "accept_video"(
  "new_id" text, "entry_id" text, "of_caller" text, "of_turn" text, "of_dialect" text, "of_batch" text, "of_model" text,
  "of_request" jsonb, "with_images" integer, "with_priority" smallint, "estimate" bigint, "needed" bigint, "most_unended" integer,
  "accepted_at" timestamptz, "expires" timestamptz, "deadline" timestamptz, "end_before" timestamptz,
  "sent_since" timestamptz, "of_trace" text
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  others integer;
BEGIN
  UPDATE callers SET
    available_micro_usd = available_micro_usd - estimate,
    held_micro_usd = held_micro_usd + estimate,
    unended_videos = unended_videos + 1
  WHERE id = of_caller
    AND (needed IS NULL OR credit_micro_usd IS NULL OR available_micro_usd >= needed)
    AND (most_unended IS NULL OR unended_videos < most_unended)
  RETURNING unended_videos - 1 INTO others;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO ledger (id, at, caller_id, video_id, kind, amount_micro_usd)
  VALUES (entry_id, accepted_at, of_caller, new_id, 'hold', -estimate);
  INSERT INTO videos (id, caller_id, dialect, state, request, model, batch_id, estimate_micro_usd, priority, created_at,
    expires_at, queue_deadline_at, end_before_at, sent_unknown_since, trace_parent)
  VALUES (new_id, of_caller, of_dialect, 'queued', of_request, of_model, of_batch, estimate, with_priority, accepted_at,
    expires, deadline, end_before, sent_since, of_trace);
  PERFORM enter_queue(new_id, of_turn, of_model, with_images, with_priority, 0);
  RETURN others;
END $$;
