ALTER TABLE "videos" ADD COLUMN "deliver_to" text;--> statement-breakpoint
ALTER TABLE "videos" ADD COLUMN "delivery" jsonb;