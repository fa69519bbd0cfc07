/** The workflow types: everything exported here can be started by name. */

export { deliverWebhook } from './deliver-webhook.ts';
export { generateVideo } from './generate-video.ts';
export { joinFilm } from './join-film.ts';
export { rearchiveVideo } from './rearchive-video.ts';
export { runBatch } from './run-batch.ts';
export { sweep } from './sweep.ts';
