/** The delivery of a clip into storage of its caller's own: where to, and what became of it. */

/** In the body of a create of any dialect: where its clip is to be delivered. No upstream sees it. */
export const DELIVER_KEY = 'deliver_to';

/** A presigned PUT, and what was signed with it. */
export interface DeliveryTarget {
  /** A secret: who has it can write there. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const CLIP_DELIVERY_STATES = ['waiting', 'delivered', 'failed'] as const;

/** How far a clip's delivery is. */
export interface ClipDelivery {
  readonly state: (typeof CLIP_DELIVERY_STATES)[number];
  /** When it was over, in ISO 8601; null before that. */
  readonly at: string | null;
  /** Why it failed, or why the last try did; else null. */
  readonly message: string | null;
}

export const WAITING_DELIVERY: ClipDelivery = { state: 'waiting', at: null, message: null };

export function deliveredAt(at: Date): ClipDelivery {
  return { state: 'delivered', at: at.toISOString(), message: null };
}

export function failedDelivery(at: Date, message: string): ClipDelivery {
  return { state: 'failed', at: at.toISOString(), message };
}
