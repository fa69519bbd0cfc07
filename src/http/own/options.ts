/** What stands behind our own routes. */

import type { Administration } from '../../gateway/administration.ts';
import type { Batches } from '../../gateway/batches.ts';
import type { Files } from '../../gateway/files.ts';
import type { FilmRow, Films } from '../../gateway/films.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Webhooks } from '../../gateway/webhooks.ts';
import type { VideoLinks } from '../dialects/exchange.ts';
import type { StreamTokens } from '../stream-tokens.ts';

export interface OwnRoutesOptions {
  readonly gateway: Gateway;
  readonly administration: Administration;
  readonly batches: Batches;
  readonly files: Files;
  readonly films: Films;
  /** The signed link of a film; null where there is nothing to link to. */
  readonly filmUrl: (film: FilmRow) => string | null;
  readonly webhooks: Webhooks;
  readonly links: VideoLinks;
  readonly streamTokens: StreamTokens;
  /** `host:port` that callers' image URLs may name although they are private. */
  readonly trustedHosts: readonly string[];
  /** Where a video's workflow can be looked at; null without a Temporal UI. */
  readonly workflowUrl: (videoId: string) => string | null;
}
