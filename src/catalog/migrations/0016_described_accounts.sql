ALTER TABLE "accounts" ADD COLUMN "api" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "most_images" integer;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "on_lost_answer" text;