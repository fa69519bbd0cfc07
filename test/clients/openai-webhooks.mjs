/** Webhooks by the `openai` packages for Node, unmodified, against a running Clipyard; prints what each call gave. */

import Earlier from 'openai';
import OpenAI from 'openai-7';
import { Webhook } from 'standardwebhooks';
import { openReceiver } from './receiver.mjs';

const { url, key, receiverPort } = JSON.parse(process.argv.at(-1));
const options = { baseURL: `${url}/openai/v1`, apiKey: key, maxRetries: 0 };
const client = new OpenAI(options);
const earlier = new Earlier(options);
const receiver = await openReceiver(receiverPort);
const { webhooks } = client;
const EVENTS = ['video.completed', 'video.failed', 'batch.completed'];

async function refused(call) {
  try {
    return { answered: await call() };
  } catch (error) {
    return { status: error.status, param: error.param, message: error.message };
  }
}

/** What each verifier says of a delivery under a secret. */
async function verdicts({ headers, body }, secret) {
  const says = async (verify) => {
    try {
      return (await verify()).data.id;
    } catch (error) {
      return error.constructor.name;
    }
  };
  return {
    sdk: await says(() => webhooks.unwrap(body, headers, secret)),
    earlier: await says(() => earlier.webhooks.unwrap(body, headers, secret)),
    standard: await says(async () => new Webhook(secret).verify(body, headers)),
  };
}

const created = await webhooks.create({ name: 'studio', url: `${receiver.url}/node`, event_types: EVENTS });
const { id, signing_secret: first } = created;
const other = await webhooks.create({ name: 'other', url: `${receiver.url}/other`, event_types: ['batch.failed'] });
const listed = [];
for await (const endpoint of webhooks.list({ limit: 1 })) listed.push(endpoint.id);
const found = {
  created,
  retrieved: await webhooks.retrieve(id),
  updated: await webhooks.update(id, { name: 'renamed', event_types: ['video.completed', 'video.failed'] }),
  isListed: JSON.stringify(listed) === JSON.stringify([id, other.id]),
  eventTypes: await webhooks.eventTypes.list(),
  test: await webhooks.test(id, { event_type: 'video.failed' }),
  deleted: await webhooks.delete(other.id),
  gone: await refused(() => webhooks.retrieve(other.id)),
  badEvent: await refused(() => webhooks.create({ name: 'x', url: 'https://a.example', event_types: ['nothing'] })),
  badUrl: await refused(() => webhooks.create({ name: 'x', url: 'https://10.0.0.1', event_types: EVENTS })),
  stranger: await refused(() => new OpenAI({ ...options, apiKey: 'stranger' }).webhooks.list()),
};
const clip = { model: 'sandbox-mini', prompt: 'a red fox', seconds: '1', size: '1280x720' };
const video = await client.videos.create(clip);
const [tested, told] = await receiver.at('/node', 2);
const rotated = await webhooks.rotateSecret(id, { keep_old_secret_active_for_24_hours: true });
await webhooks.test(id, { event_type: 'video.completed' });
const [, , both] = await receiver.at('/node', 3);
const again = await webhooks.rotateSecret(id);
await webhooks.test(id, { event_type: 'video.completed' });
const [, , , newest] = await receiver.at('/node', 4);
const secrets = [first, rotated.signing_secret, again.signing_secret];
const minutesAgo = String(Math.floor(Date.now() / 1000) - 600);
Object.assign(found, {
  told: { ...JSON.parse(told.body), isOfVideo: JSON.parse(told.body).data.id === video.id },
  // Read when it is received, so the end has to be there.
  state: (await client.videos.retrieve(video.id)).status,
  tested: await verdicts(tested, first),
  accepted: Object.values(await verdicts(told, first)).every((named) => named === video.id),
  changed: await verdicts({ ...told, body: told.body.replace('video', 'audio') }, first),
  old: await verdicts({ ...told, headers: { ...told.headers, 'webhook-timestamp': minutesAgo } }, first),
  wrong: await verdicts(told, secrets[1]),
  afterRotation: [await verdicts(both, secrets[0]), await verdicts(both, secrets[1])],
  afterSecond: await Promise.all(secrets.map((secret) => verdicts(newest, secret))),
});
receiver.close();
console.log(JSON.stringify(found));
process.exit();
