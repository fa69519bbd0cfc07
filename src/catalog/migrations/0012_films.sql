CREATE TABLE "films" (
	"id" text PRIMARY KEY NOT NULL,
	"caller_id" text NOT NULL,
	"batch_id" text,
	"video_ids" jsonb NOT NULL,
	"transition" text NOT NULL,
	"state" text NOT NULL,
	"progress" integer DEFAULT 0 NOT NULL,
	"duration_ms" integer NOT NULL,
	"archive" jsonb,
	"failure" jsonb,
	"idempotency_key" text,
	"body_hash" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"alive_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "films_key" ON "films" USING btree ("caller_id","idempotency_key");--> statement-breakpoint
CREATE INDEX "films_unended" ON "films" USING btree ("caller_id") WHERE "films"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "films_silent" ON "films" USING btree ("alive_at") WHERE "films"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "films_expiring" ON "films" USING btree ("expires_at") WHERE "films"."ended_at" is not null;