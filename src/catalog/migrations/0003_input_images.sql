CREATE TABLE "input_image_uses" (
	"sha256" text NOT NULL,
	"video_id" text NOT NULL,
	CONSTRAINT "input_image_uses_sha256_video_id_pk" PRIMARY KEY("sha256","video_id")
);
--> statement-breakpoint
CREATE TABLE "input_images" (
	"sha256" text PRIMARY KEY NOT NULL,
	"media_type" text NOT NULL,
	"size_bytes" integer NOT NULL,
	"width" integer NOT NULL,
	"height" integer NOT NULL,
	"stored_at" timestamp (3) with time zone NOT NULL,
	"last_used_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "waiting" ADD COLUMN "images" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "input_images_last_used" ON "input_images" USING btree ("last_used_at");