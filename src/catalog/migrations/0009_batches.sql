CREATE TABLE "batch_lines" (
	"batch_id" text NOT NULL,
	"line" integer NOT NULL,
	"custom_id" text,
	"state" text NOT NULL,
	"dialect" text,
	"request" jsonb,
	"estimate_micro_usd" bigint DEFAULT 0 NOT NULL,
	"video_id" text,
	"start_from_video" text,
	"start_from_line" integer,
	"code" text,
	"message" text,
	CONSTRAINT "batch_lines_batch_id_line_pk" PRIMARY KEY("batch_id","line")
);
--> statement-breakpoint
CREATE TABLE "batches" (
	"id" text PRIMARY KEY NOT NULL,
	"caller_id" text NOT NULL,
	"state" text NOT NULL,
	"name" text,
	"endpoint" text,
	"input_file_id" text,
	"output_file_id" text,
	"error_file_id" text,
	"window" text NOT NULL,
	"metadata" jsonb,
	"callback_url" text,
	"retry_of" text,
	"output_seconds" integer,
	"repeat_key" text NOT NULL,
	"total" integer DEFAULT 0 NOT NULL,
	"estimate_micro_usd" bigint DEFAULT 0 NOT NULL,
	"invalid" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"started_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"cancel_requested_at" timestamp (3) with time zone,
	"finalizing_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"advanced_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "files" (
	"id" text PRIMARY KEY NOT NULL,
	"caller_id" text NOT NULL,
	"filename" text NOT NULL,
	"purpose" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "batch_lines_custom" ON "batch_lines" USING btree ("batch_id","custom_id");--> statement-breakpoint
CREATE INDEX "batch_lines_state" ON "batch_lines" USING btree ("batch_id","state","line");--> statement-breakpoint
CREATE INDEX "batches_caller" ON "batches" USING btree ("caller_id","created_at","id");--> statement-breakpoint
CREATE INDEX "batches_created" ON "batches" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "batches_repeats" ON "batches" USING btree ("caller_id","repeat_key","created_at");--> statement-breakpoint
CREATE INDEX "batches_open" ON "batches" USING btree ("created_at") WHERE "batches"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "files_caller" ON "files" USING btree ("caller_id","created_at","id");--> statement-breakpoint
CREATE INDEX "files_expiring" ON "files" USING btree ("expires_at");