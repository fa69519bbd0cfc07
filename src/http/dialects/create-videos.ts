/** What a create route read, handed to the gateway with its idempotency key. */

import type { CreateManyAndStreamRoute, CreateManyRoute, CreateRoute } from '../../dialects/dialect.ts';
import { DELIVER_KEY } from '../../domain/clip-delivery.ts';
import { Refusal } from '../../domain/failure.ts';
import type { Video } from '../../domain/video.ts';
import type { KeyedOrder } from '../../gateway/orders.ts';
import { readImageFile } from '../image-files.ts';
import { readCallback } from './callback.ts';
import { readCreateTimes } from './create-times.ts';
import { readDeliverTo } from './deliver-to.ts';
import type { Exchange, FrontDoor } from './exchange.ts';
import { idempotencyOf, withoutKey } from './idempotency.ts';
import { checkImageHosts } from './image-hosts.ts';

/** What tells a repeat of a request; a remix names its source in the path, which is part of what a key stands for. */
export async function keyed(
  { request, body, caller }: Exchange,
  { idempotencyKey, remixOf }: { readonly idempotencyKey?: string | undefined; readonly remixOf?: string | undefined },
): Promise<KeyedOrder> {
  const sent = idempotencyKey === undefined ? body : withoutKey(body);
  const asked = remixOf === undefined ? sent : { remixOf, body: sent };
  return { caller, idempotency: await idempotencyOf(request.headers['idempotency-key'], asked, idempotencyKey) };
}

/** Has a video accepted, once for each idempotency key. */
export async function createVideo(
  { gateway, trustedHosts, files }: FrontDoor,
  exchange: Exchange,
  { draft: read, idempotencyKey, imageFile }: ReturnType<CreateRoute['parse']>,
): Promise<Video> {
  const { request, body, caller, dialect } = exchange;
  const order = await keyed(exchange, { idempotencyKey, remixOf: read.remixOf });
  // The file may be gone by the time that its video is asked for once more.
  const earlier = imageFile ? await gateway.findEarlier(order) : null;
  if (earlier !== null) return earlier;
  const draft = imageFile ? { ...read, images: [await readImageFile(files, caller, imageFile)] } : read;
  checkImageHosts(draft.images, trustedHosts);
  return await gateway.create({
    ...order,
    dialect: dialect.name,
    draft,
    retentionSeconds: dialect.retentionSeconds,
    times: readCreateTimes(request.headers),
    ...readCallback({ headers: request.headers, body }, trustedHosts),
    ...readDeliverTo({ headers: request.headers, body }, trustedHosts),
  });
}

/** Has several videos accepted; the model may stand outside of the body, and is part of what a key stands for. */
export async function createVideos(
  { gateway, trustedHosts }: FrontDoor,
  { request, body, caller, dialect }: Exchange,
  { draft, count, callback: own }: ReturnType<(CreateManyRoute | CreateManyAndStreamRoute)['parse']>,
): Promise<readonly Video[]> {
  checkImageHosts(draft.images, trustedHosts);
  const delivery = readDeliverTo({ headers: request.headers, body }, trustedHosts);
  if (delivery.deliverTo && count > 1) {
    throw new Refusal('invalid_request', `${DELIVER_KEY}: takes one clip, and ${count} are asked for`, {
      param: DELIVER_KEY,
    });
  }
  const order = {
    caller,
    dialect: dialect.name,
    draft,
    retentionSeconds: dialect.retentionSeconds,
    idempotency: await idempotencyOf(request.headers['idempotency-key'], { model: draft.model, body }),
    times: readCreateTimes(request.headers),
    ...readCallback({ headers: request.headers, body, own }, trustedHosts),
    ...delivery,
  };
  return await gateway.createMany(order, count);
}
