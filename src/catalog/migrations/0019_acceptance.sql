-- What every create runs, as functions: one round trip, and plans that are made once for a connection.

-- An entry of a caller's ledger, and what it adds to the caller's columns; false, and nothing is changed, when the video
-- has an entry of this kind already.
CREATE FUNCTION "post_entry"(
  "entry_id" text, "entered_at" timestamptz, "of_caller" text, "of_video" text, "of_kind" text,
  "amount" bigint, "held" bigint, "spent" bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ledger (id, at, caller_id, video_id, kind, amount_micro_usd)
  VALUES (entry_id, entered_at, of_caller, of_video, of_kind, amount)
  ON CONFLICT (video_id, kind) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE callers SET
    available_micro_usd = available_micro_usd + amount,
    held_micro_usd = held_micro_usd + held,
    spent_micro_usd = spent_micro_usd + spent
  WHERE id = of_caller;
  RETURN true;
END $$;--> statement-breakpoint

-- A place in the queue of a model's pool, behind those of the same turn and priority; false where no configured account
-- offers the model, or the video waits already.
CREATE FUNCTION "enter_queue"(
  "of_video" text, "of_turn" text, "of_model" text, "with_images" integer, "with_priority" smallint, "delay_ms" double precision
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO waiting (video_id, pool, caller_id, model, images, priority, place, virtual_time, not_before, queued_at)
  SELECT of_video, p.id, of_turn, of_model, with_images, with_priority, nextval('queue_places'), p.virtual_time,
    now() + nullif(delay_ms, 0) * interval '1 millisecond', now()
  FROM account_models m JOIN accounts a ON a.id = m.account AND a.configured JOIN pools p ON p.id = a.pool
  WHERE m.model = of_model ORDER BY m.preference LIMIT 1
  ON CONFLICT (video_id) DO NOTHING;
  RETURN FOUND;
END $$;--> statement-breakpoint

-- A video with its hold and its place in the queue: how many others of its caller have not ended. Nothing is written when
-- these are as many as decide, nor when the caller has less left than is needed: null then. The caller's row is locked
-- first, so that what is counted counts all that was accepted before, and no two creates slip past a limit together.
CREATE FUNCTION "accept_video"(
  "new_id" text, "entry_id" text, "of_caller" text, "of_turn" text, "of_dialect" text, "of_batch" text, "of_model" text,
  "of_request" jsonb, "with_images" integer, "with_priority" smallint, "estimate" bigint, "needed" bigint, "most_unended" integer,
  "accepted_at" timestamptz, "expires" timestamptz, "deadline" timestamptz, "end_before" timestamptz,
  "sent_since" timestamptz, "of_trace" text
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  unended integer;
BEGIN
  PERFORM FROM callers
  WHERE id = of_caller AND (needed IS NULL OR credit_micro_usd IS NULL OR available_micro_usd >= needed) FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT count(*) INTO unended
  FROM (SELECT FROM videos WHERE caller_id = of_caller AND ended_at IS NULL LIMIT most_unended) others;
  IF unended >= most_unended THEN
    RETURN unended;
  END IF;
  PERFORM post_entry(entry_id, accepted_at, of_caller, new_id, 'hold', -estimate, estimate, 0);
  INSERT INTO videos (id, caller_id, dialect, state, request, model, batch_id, estimate_micro_usd, priority, created_at,
    expires_at, queue_deadline_at, end_before_at, sent_unknown_since, trace_parent)
  VALUES (new_id, of_caller, of_dialect, 'queued', of_request, of_model, of_batch, estimate, with_priority, accepted_at,
    expires, deadline, end_before, sent_since, of_trace);
  PERFORM enter_queue(new_id, of_turn, of_model, with_images, with_priority, 0);
  RETURN unended;
END $$;--> statement-breakpoint

-- A hold changes no costs: its video has not ended.
DROP TRIGGER "ledger_costs" ON "ledger";--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "ledger_costs" AFTER INSERT OR UPDATE ON "ledger"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new."video_id" IS NOT NULL AND new."kind" <> 'hold')
  EXECUTE FUNCTION "follow_costs"('video');
