/** What stands behind our own routes. */

import type { Administration } from '../../gateway/administration.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Webhooks } from '../../gateway/webhooks.ts';
import type { VideoLinks } from '../dialects/exchange.ts';

export interface OwnRoutesOptions {
  readonly gateway: Gateway;
  readonly administration: Administration;
  readonly webhooks: Webhooks;
  readonly links: VideoLinks;
  /** Where a video's workflow can be looked at; null without a Temporal UI. */
  readonly workflowUrl: (videoId: string) => string | null;
}
