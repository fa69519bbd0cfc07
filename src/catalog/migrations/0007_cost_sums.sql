CREATE TABLE "cost_days" (
	"day" date NOT NULL,
	"lines" bigint NOT NULL,
	"videos" bigint NOT NULL,
	"account" text,
	"model" text,
	"caller_id" text,
	"settled_micro_usd" bigint NOT NULL,
	"upstream_micro_usd" bigint NOT NULL,
	"lost_micro_usd" bigint NOT NULL,
	CONSTRAINT "cost_days_groups" UNIQUE NULLS NOT DISTINCT("day","caller_id","model","account")
);
--> statement-breakpoint
CREATE TABLE "cost_lines" (
	"source" text NOT NULL,
	"credential" text,
	"at" timestamp (3) with time zone NOT NULL,
	"videos" smallint NOT NULL,
	"account" text,
	"model" text,
	"caller_id" text,
	"settled_micro_usd" bigint NOT NULL,
	"upstream_micro_usd" bigint NOT NULL,
	"lost_micro_usd" bigint NOT NULL
);
--> statement-breakpoint
DROP INDEX "submissions_credential_task";--> statement-breakpoint
CREATE INDEX "cost_days_caller" ON "cost_days" USING btree ("caller_id","day");--> statement-breakpoint
CREATE INDEX "cost_lines_source" ON "cost_lines" USING btree ("source");--> statement-breakpoint
CREATE INDEX "cost_lines_at" ON "cost_lines" USING btree ("at");--> statement-breakpoint
CREATE INDEX "cost_lines_orphans" ON "cost_lines" USING btree ("account","at") WHERE "cost_lines"."credential" is not null;--> statement-breakpoint
CREATE INDEX "orphans_task" ON "orphans" USING btree ("task_id");--> statement-breakpoint
CREATE UNIQUE INDEX "submissions_credential_task" ON "submissions" USING btree ("task_id","credential");--> statement-breakpoint
CREATE VIEW "public"."current_costs" AS (
  select shares.video_id as source, null::text as credential, v.ended_at as at,
    (shares.account is not distinct from v.account)::int::smallint as videos,
    shares.account, v.model, v.caller_id, shares.settled as settled_micro_usd, shares.billed as upstream_micro_usd,
    case when held.id is not null and released.id is null then 0 else shares.billed - shares.settled end as lost_micro_usd
  from (
    select video_id, account, sum(settled)::bigint as settled, sum(billed)::bigint as billed
    from (
      select video.id as video_id, video.account,
        coalesce(video.settled_micro_usd, 0) - coalesce(refunded.amount_micro_usd, 0) as settled, 0 as billed
      from videos video left join ledger refunded on refunded.video_id = video.id and refunded.kind = 'refund'
      where video.ended_at is not null
      union all
      select s.video_id, s.account, 0, s.cost_micro_usd from submissions s
      where s.state in ('ended', 'void') and s.cost_micro_usd is not null
    ) parts
    group by video_id, account
  ) shares
  join videos v on v.id = shares.video_id and v.ended_at is not null
  left join ledger held on held.video_id = v.id and held.kind = 'hold'
  left join ledger released on released.video_id = v.id and released.kind = 'release'
  union all
  select o.task_id, o.credential, o.created_at, 0::smallint, o.account, o.model, null, 0, o.cost_micro_usd, o.cost_micro_usd
  from orphans o
  where o.video_id is not null or not exists (select from submissions s
    where s.task_id = o.task_id and (s.credential = o.credential or s.account = o.account))
);
--> statement-breakpoint
INSERT INTO "cost_lines" ("source", "credential", "at", "videos", "account", "model", "caller_id", "settled_micro_usd", "upstream_micro_usd", "lost_micro_usd")
SELECT "source", "credential", "at", "videos", "account", "model", "caller_id", "settled_micro_usd", "upstream_micro_usd", "lost_micro_usd" FROM "current_costs";--> statement-breakpoint
INSERT INTO "cost_days" ("day", "lines", "videos", "account", "model", "caller_id", "settled_micro_usd", "upstream_micro_usd", "lost_micro_usd")
SELECT ("at" AT TIME ZONE 'UTC')::date, count(*), sum("videos"), "account", "model", "caller_id", sum("settled_micro_usd"), sum("upstream_micro_usd"), sum("lost_micro_usd")
FROM "cost_lines" GROUP BY 1, "account", "model", "caller_id";--> statement-breakpoint
-- Puts the lines of a video, or of the orphans of a task, into agreement with the rows, and the difference into the sums.
CREATE FUNCTION "book_costs"("of_source" text, "of_orphans" boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- Of two transactions that change the same at once, the second reads on with what the first has committed.
  PERFORM pg_advisory_xact_lock(1, hashtext(of_source));
  PERFORM FROM (
    SELECT 1 AS sign, * FROM current_costs WHERE source = of_source AND (credential IS NOT NULL) = of_orphans
    UNION ALL
    SELECT -1, * FROM cost_lines WHERE source = of_source AND (credential IS NOT NULL) = of_orphans
  ) changed
  GROUP BY credential, at, videos, account, model, caller_id, settled_micro_usd, upstream_micro_usd, lost_micro_usd
  HAVING sum(sign) <> 0;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO cost_days AS sums (day, lines, videos, account, model, caller_id, settled_micro_usd, upstream_micro_usd, lost_micro_usd)
  SELECT (at AT TIME ZONE 'UTC')::date, sum(sign), sum(sign * videos), account, model, caller_id,
    sum(sign * settled_micro_usd), sum(sign * upstream_micro_usd), sum(sign * lost_micro_usd)
  FROM (
    SELECT 1 AS sign, * FROM current_costs WHERE source = of_source AND (credential IS NOT NULL) = of_orphans
    UNION ALL
    SELECT -1, * FROM cost_lines WHERE source = of_source AND (credential IS NOT NULL) = of_orphans
  ) changed
  GROUP BY 1, account, model, caller_id
  -- In one order, so that no two transactions wait for each other's sums.
  ORDER BY 1, caller_id, model, account
  ON CONFLICT ON CONSTRAINT cost_days_groups DO UPDATE SET
    lines = sums.lines + excluded.lines,
    videos = sums.videos + excluded.videos,
    settled_micro_usd = sums.settled_micro_usd + excluded.settled_micro_usd,
    upstream_micro_usd = sums.upstream_micro_usd + excluded.upstream_micro_usd,
    lost_micro_usd = sums.lost_micro_usd + excluded.lost_micro_usd;
  DELETE FROM cost_lines WHERE source = of_source AND (credential IS NOT NULL) = of_orphans;
  INSERT INTO cost_lines (source, credential, at, videos, account, model, caller_id, settled_micro_usd, upstream_micro_usd, lost_micro_usd)
  SELECT source, credential, at, videos, account, model, caller_id, settled_micro_usd, upstream_micro_usd, lost_micro_usd
  FROM current_costs WHERE source = of_source AND (credential IS NOT NULL) = of_orphans;
END $$;--> statement-breakpoint
CREATE FUNCTION "follow_costs"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_argv[0] = 'orphans' THEN
    PERFORM book_costs(new.task_id, true);
  ELSIF tg_table_name = 'videos' THEN
    PERFORM book_costs(new.id, false);
  ELSE
    PERFORM book_costs(new.video_id, false);
  END IF;
  RETURN NULL;
END $$;--> statement-breakpoint
-- At the end of their transactions, when all of its rows are as they stay. Rows that are removed leave the sums as they are.
CREATE CONSTRAINT TRIGGER "videos_costs" AFTER INSERT OR UPDATE OF "ended_at", "settled_micro_usd", "account", "model", "caller_id" ON "videos"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new."ended_at" IS NOT NULL) EXECUTE FUNCTION "follow_costs"('video');--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "ledger_costs" AFTER INSERT OR UPDATE ON "ledger"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new."video_id" IS NOT NULL) EXECUTE FUNCTION "follow_costs"('video');--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "submissions_costs" AFTER INSERT OR UPDATE OF "state", "cost_micro_usd", "account" ON "submissions"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new."state" IN ('ended', 'void')) EXECUTE FUNCTION "follow_costs"('video');--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "submissions_claims" AFTER INSERT OR UPDATE OF "task_id", "credential", "account" ON "submissions"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new."task_id" IS NOT NULL) EXECUTE FUNCTION "follow_costs"('orphans');--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "orphans_costs" AFTER INSERT OR UPDATE ON "orphans"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "follow_costs"('orphans');
