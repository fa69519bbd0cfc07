/** What the calls of one agent are answered with: its gateway, and what bounds it. */

import type { GatewayClient } from '../client/gateway-client.ts';
import type { Budget } from './budget.ts';

/** An agent's session over stdio, or one request of its over HTTP. */
export interface Agent {
  /** Carries the agent's key; is not given up with a call, so that what is being created is. */
  readonly gateway: GatewayClient;
  /** What the session may spend; null: as much as its caller may. */
  readonly budget: Budget | null;
  /** Whether images may be files: the server runs on the agent's own machine. */
  readonly readsFiles: boolean;
  /** Aborted when the server stops: calls that wait answer with what they have seen. */
  readonly stopping: AbortSignal;
  /** Takes a place among the calls that wait, to be given back; null where there is none. */
  beginWait(): (() => void) | null;
}
