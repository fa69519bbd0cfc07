CREATE TABLE "callbacks" (
	"subject_id" text PRIMARY KEY NOT NULL,
	"id" text NOT NULL,
	"caller_id" text NOT NULL,
	"url" text NOT NULL,
	"words" text NOT NULL
);
--> statement-breakpoint
CREATE INDEX "callbacks_id" ON "callbacks" USING btree ("id","subject_id");--> statement-breakpoint
CREATE INDEX "events_of_no_video" ON "events" USING btree ("created_at") WHERE "events"."video_id" not like 'video\_%';--> statement-breakpoint
CREATE INDEX "webhook_secrets_expiring" ON "webhook_secrets" USING btree ("expires_at") WHERE "webhook_secrets"."expires_at" is not null;