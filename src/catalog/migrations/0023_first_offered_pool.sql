-- Where accounts of several pools publish a model, the pool of the one that is offered first: with equal preferences, the
-- row that was written last had its turn.
CREATE OR REPLACE FUNCTION "enter_queue"(
  "of_video" text, "of_turn" text, "of_model" text, "with_images" integer, "with_priority" smallint, "delay_ms" double precision
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO waiting (video_id, pool, caller_id, model, images, priority, place, virtual_time, not_before, queued_at)
  SELECT of_video, p.id, of_turn, of_model, with_images, with_priority, nextval('queue_places'), p.virtual_time,
    now() + nullif(delay_ms, 0) * interval '1 millisecond', now()
  FROM account_models m JOIN accounts a ON a.id = m.account AND a.configured JOIN pools p ON p.id = a.pool
  WHERE m.model = of_model ORDER BY m.preference, m.account LIMIT 1
  ON CONFLICT (video_id) DO NOTHING;
  RETURN FOUND;
END $$;
