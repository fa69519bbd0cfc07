CREATE SEQUENCE "public"."queue_places" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "reopenings" (
	"video_id" text PRIMARY KEY NOT NULL,
	"told_at" timestamp (3) with time zone NOT NULL
);--> statement-breakpoint
DROP INDEX "submissions_account_task";--> statement-breakpoint
DROP INDEX "submissions_account_lane";--> statement-breakpoint
DROP INDEX "submissions_open_account";--> statement-breakpoint
DROP INDEX "waiting_place";--> statement-breakpoint
DROP INDEX "orphans_open";--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "credential" text;--> statement-breakpoint
UPDATE "accounts" SET "credential" = "id";--> statement-breakpoint
ALTER TABLE "accounts" ALTER COLUMN "credential" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "reads_list" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "accounts" ALTER COLUMN "reads_list" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "list_missing_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "list_proven_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "troubled_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "orphans" ADD COLUMN "credential" text;--> statement-breakpoint
UPDATE "orphans" SET "credential" = "account";--> statement-breakpoint
ALTER TABLE "orphans" ALTER COLUMN "credential" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "orphans" DROP CONSTRAINT "orphans_account_task_id_pk";--> statement-breakpoint
ALTER TABLE "orphans" ADD CONSTRAINT "orphans_credential_task_id_pk" PRIMARY KEY("credential","task_id");--> statement-breakpoint
ALTER TABLE "orphans" ADD COLUMN "video_id" text;--> statement-breakpoint
ALTER TABLE "submissions" ADD COLUMN "credential" text;--> statement-breakpoint
UPDATE "submissions" SET "credential" = "account";--> statement-breakpoint
ALTER TABLE "submissions" ALTER COLUMN "credential" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "submissions" ADD COLUMN "missing_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "submissions" ADD COLUMN "list_unreadable_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "submissions" ADD COLUMN "presumed" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "waiting_for" jsonb;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "last_word" text;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "undecided_refusals" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "sent_unknown_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "end_before_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "priority" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "untold_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "waiting" ADD COLUMN "priority" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "waiting" ADD COLUMN "virtual_time" double precision DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "waiting" ADD COLUMN "not_before" timestamp (3) with time zone;--> statement-breakpoint
CREATE UNIQUE INDEX "submissions_credential_task" ON "submissions" USING btree ("credential","task_id");--> statement-breakpoint
CREATE UNIQUE INDEX "submissions_credential_lane" ON "submissions" USING btree ("credential") WHERE "submissions"."single_lane" and "submissions"."state" in ('granted', 'sending', 'unconfirmed');--> statement-breakpoint
CREATE INDEX "submissions_presumed" ON "submissions" USING btree ("credential") WHERE "submissions"."presumed";--> statement-breakpoint
CREATE INDEX "submissions_open_credential" ON "submissions" USING btree ("credential") WHERE "submissions"."state" in ('granted', 'sending', 'unconfirmed', 'running');--> statement-breakpoint
CREATE INDEX "videos_untold" ON "videos" USING btree ("untold_since") WHERE "videos"."untold_since" is not null;--> statement-breakpoint
CREATE INDEX "waiting_order" ON "waiting" USING btree ("pool","caller_id","priority" desc,"place","video_id");--> statement-breakpoint
CREATE INDEX "orphans_open" ON "orphans" USING btree ("credential","found_at") WHERE "orphans"."ended_at" is null;--> statement-breakpoint
ALTER TABLE "accounts" DROP COLUMN "shared";--> statement-breakpoint
ALTER TABLE "videos" DROP COLUMN "last_error";--> statement-breakpoint
SELECT setval('queue_places', coalesce((SELECT ceil(max("place"))::bigint FROM "waiting"), 0) + 1);
