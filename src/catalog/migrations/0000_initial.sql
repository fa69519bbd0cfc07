CREATE TABLE "account_models" (
	"account" text NOT NULL,
	"model" text NOT NULL,
	"upstream_model" text NOT NULL,
	"price_per_second_micro_usd" bigint NOT NULL,
	"capabilities" jsonb NOT NULL,
	"source" text NOT NULL,
	"preference" integer NOT NULL,
	"suspended_until" timestamp (3) with time zone,
	"refreshed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "account_models_account_model_pk" PRIMARY KEY("account","model")
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"id" text PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"pool" text NOT NULL,
	"base_url" text NOT NULL,
	"max_concurrent_tasks" integer NOT NULL,
	"shared" boolean NOT NULL,
	"single_lane" boolean NOT NULL,
	"configured" boolean NOT NULL,
	"paused_by_operator" boolean DEFAULT false NOT NULL,
	"paused_until" timestamp (3) with time zone,
	"troubles" integer DEFAULT 0 NOT NULL,
	"suspended_at" timestamp (3) with time zone,
	"last_error" text
);
--> statement-breakpoint
CREATE TABLE "callers" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"key_hash" text NOT NULL,
	"dialect" text,
	"credit_micro_usd" bigint,
	"available_micro_usd" bigint DEFAULT 0 NOT NULL,
	"held_micro_usd" bigint DEFAULT 0 NOT NULL,
	"spent_micro_usd" bigint DEFAULT 0 NOT NULL,
	"max_queued_videos" integer DEFAULT 10000 NOT NULL,
	"max_running_videos" integer DEFAULT 4 NOT NULL,
	"overflow" text DEFAULT 'queue' NOT NULL,
	"weight" double precision DEFAULT 1 NOT NULL,
	"models" jsonb,
	"retention_seconds" integer,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"disabled_at" timestamp (3) with time zone,
	CONSTRAINT "callers_held" CHECK ("callers"."held_micro_usd" >= 0)
);
--> statement-breakpoint
CREATE TABLE "events" (
	"id" text PRIMARY KEY NOT NULL,
	"caller_id" text NOT NULL,
	"video_id" text NOT NULL,
	"type" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"caller_id" text NOT NULL,
	"key" text NOT NULL,
	"body_hash" text NOT NULL,
	"video_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_caller_id_key_pk" PRIMARY KEY("caller_id","key")
);
--> statement-breakpoint
CREATE TABLE "ledger" (
	"id" text PRIMARY KEY NOT NULL,
	"caller_id" text NOT NULL,
	"video_id" text,
	"kind" text NOT NULL,
	"amount_micro_usd" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "pool_callers" (
	"pool" text NOT NULL,
	"caller_id" text NOT NULL,
	"last_tag" double precision NOT NULL,
	CONSTRAINT "pool_callers_pool_caller_id_pk" PRIMARY KEY("pool","caller_id")
);
--> statement-breakpoint
CREATE TABLE "pools" (
	"id" text PRIMARY KEY NOT NULL,
	"virtual_time" double precision DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"name" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "submissions" (
	"id" text PRIMARY KEY NOT NULL,
	"video_id" text NOT NULL,
	"n" integer NOT NULL,
	"account" text NOT NULL,
	"provider" text NOT NULL,
	"base_url" text NOT NULL,
	"upstream_model" text NOT NULL,
	"single_lane" boolean NOT NULL,
	"state" text NOT NULL,
	"granted_at" timestamp (3) with time zone NOT NULL,
	"signalled_at" timestamp (3) with time zone,
	"sent_at" timestamp (3) with time zone,
	"send_until" timestamp (3) with time zone,
	"answered" boolean,
	"first_empty_list_at" timestamp (3) with time zone,
	"task_id" text,
	"running_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"cost_micro_usd" bigint,
	"task_end" jsonb,
	"last_error" jsonb
);
--> statement-breakpoint
CREATE TABLE "videos" (
	"id" text PRIMARY KEY NOT NULL,
	"caller_id" text NOT NULL,
	"dialect" text NOT NULL,
	"state" text NOT NULL,
	"request" jsonb NOT NULL,
	"model" text NOT NULL,
	"batch_id" text,
	"provider" text,
	"account" text,
	"task_id" text,
	"progress" integer DEFAULT 0 NOT NULL,
	"estimate_micro_usd" bigint NOT NULL,
	"settled_micro_usd" bigint,
	"upstream_micro_usd" bigint,
	"archive" jsonb,
	"failure" jsonb,
	"submissions" integer DEFAULT 0 NOT NULL,
	"polls" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"submitted_at" timestamp (3) with time zone,
	"generated_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"queue_deadline_at" timestamp (3) with time zone NOT NULL,
	"polled_at" timestamp (3) with time zone,
	"cancel_requested_at" timestamp (3) with time zone,
	"hidden_at" timestamp (3) with time zone,
	"purged_at" timestamp (3) with time zone,
	"opened_at" timestamp (3) with time zone,
	"audited_at" timestamp (3) with time zone,
	"resumes" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "waiting" (
	"video_id" text PRIMARY KEY NOT NULL,
	"pool" text NOT NULL,
	"caller_id" text NOT NULL,
	"model" text NOT NULL,
	"tag" double precision NOT NULL,
	"queued_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "account_models_model" ON "account_models" USING btree ("model");--> statement-breakpoint
CREATE UNIQUE INDEX "callers_key_hash" ON "callers" USING btree ("key_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "events_video" ON "events" USING btree ("video_id","type");--> statement-breakpoint
CREATE INDEX "idempotency_keys_video" ON "idempotency_keys" USING btree ("video_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_video_kind" ON "ledger" USING btree ("video_id","kind");--> statement-breakpoint
CREATE INDEX "ledger_caller" ON "ledger" USING btree ("caller_id","at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "submissions_video_n" ON "submissions" USING btree ("video_id","n");--> statement-breakpoint
CREATE UNIQUE INDEX "submissions_account_task" ON "submissions" USING btree ("account","task_id");--> statement-breakpoint
CREATE UNIQUE INDEX "submissions_open_video" ON "submissions" USING btree ("video_id") WHERE "submissions"."state" in ('granted', 'sending', 'unconfirmed', 'running');--> statement-breakpoint
CREATE UNIQUE INDEX "submissions_account_lane" ON "submissions" USING btree ("account") WHERE "submissions"."single_lane" and "submissions"."state" in ('granted', 'sending', 'unconfirmed');--> statement-breakpoint
CREATE INDEX "submissions_open_account" ON "submissions" USING btree ("account") WHERE "submissions"."state" in ('granted', 'sending', 'unconfirmed', 'running');--> statement-breakpoint
CREATE INDEX "videos_caller_created" ON "videos" USING btree ("caller_id","created_at","id");--> statement-breakpoint
CREATE INDEX "videos_created" ON "videos" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "videos_unended" ON "videos" USING btree ("audited_at") WHERE "videos"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "videos_unended_caller" ON "videos" USING btree ("caller_id") WHERE "videos"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "videos_expiring" ON "videos" USING btree ("expires_at") WHERE "videos"."purged_at" is null;--> statement-breakpoint
CREATE INDEX "waiting_order" ON "waiting" USING btree ("pool","tag","video_id");