ALTER TABLE "videos" ADD COLUMN "poll_offsets_ms" integer[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "sent_at" timestamp (3) with time zone;