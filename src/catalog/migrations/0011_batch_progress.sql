ALTER TABLE "batches" ADD COLUMN "body_hash" text;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "models" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "queued" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "running" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "completed" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "failed" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "cancelled" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "expired" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "cost_micro_usd" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "batches_ended" ON "batches" USING btree ("ended_at");--> statement-breakpoint
UPDATE "batches" b SET "queued" = c.queued, "running" = c.running, "completed" = c.completed, "failed" = c.failed,
  "cancelled" = c.cancelled, "expired" = c.expired
FROM (
  SELECT batch_id, count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state = 'running') AS running,
    count(*) FILTER (WHERE state = 'completed') AS completed, count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'cancelled') AS cancelled, count(*) FILTER (WHERE state = 'expired') AS expired
  FROM "batch_lines" GROUP BY batch_id
) c WHERE c.batch_id = b.id AND b.state <> 'validating';--> statement-breakpoint
UPDATE "batches" b SET "models" = m.models
FROM (
  SELECT batch_id, jsonb_object_agg(model, lines) AS models FROM (
    SELECT batch_id, request->>'model' AS model, count(*) AS lines FROM "batch_lines" WHERE request IS NOT NULL GROUP BY 1, 2
  ) each_model GROUP BY batch_id
) m WHERE m.batch_id = b.id;--> statement-breakpoint
UPDATE "batches" b SET "cost_micro_usd" = v.cost
FROM (
  SELECT batch_id, sum(settled_micro_usd) AS cost FROM "videos" WHERE settled_micro_usd IS NOT NULL GROUP BY batch_id
) v WHERE v.batch_id = b.id;
