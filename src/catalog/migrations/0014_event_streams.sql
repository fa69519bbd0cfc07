CREATE TABLE "video_changes" (
	"video_id" text PRIMARY KEY NOT NULL,
	"caller_id" text NOT NULL,
	"revision" integer NOT NULL,
	"changed_in" "xid8" NOT NULL
);
--> statement-breakpoint
CREATE INDEX "video_changes_caller" ON "video_changes" USING btree ("caller_id","changed_in","video_id");--> statement-breakpoint
CREATE INDEX "video_changes_order" ON "video_changes" USING btree ("changed_in","video_id");--> statement-breakpoint
CREATE FUNCTION "tell_of_video"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO video_changes AS known (video_id, caller_id, revision, changed_in)
  VALUES (new.id, new.caller_id, 1, pg_current_xact_id())
  ON CONFLICT (video_id) DO UPDATE SET revision = known.revision + 1, changed_in = excluded.changed_in;
  PERFORM pg_notify('clipyard_video', new.id), pg_notify('clipyard_video', new.caller_id);
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "videos_told_first" AFTER INSERT ON "videos" FOR EACH ROW EXECUTE FUNCTION "tell_of_video"();--> statement-breakpoint
-- What a snapshot shows of how far a video is. Polls are counted without a word, and progress is told in steps of 5 per cent.
CREATE TRIGGER "videos_told" AFTER UPDATE ON "videos" FOR EACH ROW WHEN (
  (old.state, old.progress / 5, old.provider, old.account, old.task_id, old.settled_micro_usd, old.upstream_micro_usd,
    old.archive, old.failure, old.submitted_at, old.generated_at, old.ended_at, old.expires_at, old.cancel_requested_at,
    old.hidden_at)
  IS DISTINCT FROM
  (new.state, new.progress / 5, new.provider, new.account, new.task_id, new.settled_micro_usd, new.upstream_micro_usd,
    new.archive, new.failure, new.submitted_at, new.generated_at, new.ended_at, new.expires_at, new.cancel_requested_at,
    new.hidden_at)
) EXECUTE FUNCTION "tell_of_video"();
