CREATE TABLE "orphans" (
	"account" text NOT NULL,
	"task_id" text NOT NULL,
	"model" text,
	"cost_micro_usd" bigint NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"found_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "orphans_account_task_id_pk" PRIMARY KEY("account","task_id")
);
--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "first_used_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "list_read_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "orphans_open" ON "orphans" USING btree ("found_at") WHERE "orphans"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "submissions_account_ended" ON "submissions" USING btree ("account","ended_at");