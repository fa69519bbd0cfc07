-- Why a delivery has not succeeded yet is shown in snapshots, and so has to be told to who keeps them.
DROP TRIGGER "videos_told" ON "videos";--> statement-breakpoint
CREATE TRIGGER "videos_told" AFTER UPDATE ON "videos" FOR EACH ROW WHEN (
  (old.state, old.progress / 5, old.provider, old.account, old.task_id, old.settled_micro_usd, old.upstream_micro_usd,
    old.archive, old.failure, old.submitted_at, old.generated_at, old.ended_at, old.expires_at, old.cancel_requested_at,
    old.hidden_at, old.delivery)
  IS DISTINCT FROM
  (new.state, new.progress / 5, new.provider, new.account, new.task_id, new.settled_micro_usd, new.upstream_micro_usd,
    new.archive, new.failure, new.submitted_at, new.generated_at, new.ended_at, new.expires_at, new.cancel_requested_at,
    new.hidden_at, new.delivery)
) EXECUTE FUNCTION "tell_of_video"();
