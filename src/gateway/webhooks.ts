/** Webhook endpoints as our own routes use them, each call complete in itself. */

import { renewCallbackSecret } from '../catalog/callback-secrets.ts';
import { readDue } from '../catalog/deliveries.ts';
import {
  deliverTest,
  listDeliveries,
  listDeliveriesOf,
  readDelivery,
  readDeliveryLog,
  replayDelivery,
  replayRange,
} from '../catalog/delivery-views.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  type Endpoint,
  type EndpointChange,
  listEndpoints,
  type NewEndpoint,
  newestHint,
  readEndpoint,
  rotateSecret,
  type WebhookCatalog,
} from '../catalog/webhooks.ts';
import { Refusal } from '../domain/failure.ts';
import { checkReceiverUrl } from '../domain/receiver-url.ts';
import type { EventType } from '../domain/webhook.ts';

export type { Endpoint };

export interface WebhooksOptions extends WebhookCatalog {
  /** `host:port` that may be private, and may be called without TLS. */
  readonly trustedHosts: readonly string[];
}

export type Webhooks = ReturnType<typeof createWebhooks>;

/** Every method throws `Refusal` for what cannot be, `not_found` for another caller's endpoint. */
export function createWebhooks({ trustedHosts, ...catalog }: WebhooksOptions) {
  const { db } = catalog;

  const requireEnabled = (endpoint: Pick<Endpoint, 'disabledAt'> | null) => {
    if (endpoint?.disabledAt) throw new Refusal('conflict', 'nothing is sent to a disabled endpoint; enable it first');
  };

  const checkUrl = (text: string) => checkReceiverUrl('url', text, { trustedHosts });

  return {
    list: (callerId: string) => listEndpoints(catalog, callerId),
    read: (callerId: string, id: string) => readEndpoint(catalog, callerId, id),

    async create(wanted: NewEndpoint) {
      checkUrl(wanted.url);
      return await createEndpoint(catalog, wanted);
    },

    async change(callerId: string, id: string, chosen: EndpointChange) {
      if (chosen.url !== undefined) checkUrl(chosen.url);
      return await changeEndpoint(catalog, { callerId, id }, chosen);
    },

    delete: (callerId: string, id: string) => deleteEndpoint(catalog, callerId, id),
    rotate: (callerId: string, id: string, hours: number) => rotateSecret(catalog, { callerId, id }, hours),

    async test(callerId: string, id: string, type: EventType): Promise<string> {
      requireEnabled(await readEndpoint(catalog, callerId, id));
      return await deliverTest(db, { callerId, endpointId: id, type });
    },

    async deliveries(callerId: string, id: string, page: Parameters<typeof listDeliveries>[2]) {
      await readEndpoint(catalog, callerId, id);
      return await listDeliveries(db, id, page);
    },

    /** The end of the newest secret that signs for a caller; null where it has none yet. */
    callbackSecretHint: (callerId: string) => newestHint(catalog, callerId),
    renewCallbackSecret: (callerId: string, hours: number) => renewCallbackSecret(catalog, callerId, hours),

    /** One of the caller's deliveries. */
    delivery: (callerId: string, deliveryId: string) => readDelivery(db, callerId, deliveryId),
    /** The same with what is sent and what was answered. */
    deliveryLog: (callerId: string, deliveryId: string) => readDeliveryLog(db, callerId, deliveryId),
    /** What was to be told of a video. */
    deliveriesOf: (videoId: string) => listDeliveriesOf(db, videoId),
    async replay(callerId: string, deliveryId: string) {
      await readDelivery(db, callerId, deliveryId);
      const due = await readDue(db, deliveryId);
      if (!due?.endpoint && !due?.callback) throw new Refusal('conflict', 'where it was to be told is no more');
      requireEnabled(due.endpoint);
      return await replayDelivery(db, callerId, deliveryId);
    },

    async replayRange(callerId: string, id: string, range: { readonly from: Date; readonly to: Date }) {
      requireEnabled(await readEndpoint(catalog, callerId, id));
      return await replayRange(db, id, range);
    },
  };
}
