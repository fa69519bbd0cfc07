/** What tools have made and tell of: a video or a batch, each under the one id that it has everywhere. */

import type { CallToolResult } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { GatewayClient } from '../client/gateway-client.ts';

/** One kind of it, as `Seen` of the gateway. */
export interface Work<Seen> {
  /** The tool that tells of it. */
  readonly tool: string;
  /** @throws GatewayFailure for an id that is not the caller's. */
  look(gateway: GatewayClient, id: string): Promise<Seen>;
  idOf(seen: Seen): string;
  /** In micro-dollars. */
  estimateOf(seen: Seen): number;
  hasEnded(seen: Seen): boolean;
  isCancelled(seen: Seen): boolean;
  /** In percent. */
  progressOf(seen: Seen): number;
  /** In some words. */
  describe(seen: Seen): string;
  /** ISO 8601; null for an end without a bound. */
  times(seen: Seen): Readonly<Record<'createdAt' | 'changedAt', string> & { expiresAt: string | null }>;
  /** What a tool answers of it, with what else the gateway has of it. */
  answer(gateway: GatewayClient, seen: Seen): Promise<CallToolResult>;
  /** The id names one that has ended, or is ended by this where it can be. */
  cancel(gateway: GatewayClient, id: string): Promise<unknown>;
}

/** What to do about one that has not ended. */
export function nextOf({ tool }: { readonly tool: string }, id: string): string {
  return `call ${tool} with {"id":"${id}"} in some seconds, until it has ended`;
}

/** A tool's answer: the facts for programs, and sentences for models, many of which see nothing else. */
export function answer(facts: Readonly<Record<string, unknown>>, text: string): CallToolResult {
  return { content: [{ type: 'text', text }], structuredContent: { ...facts } };
}

/** Members that answers about videos and batches share. */
export const FIELDS = {
  money: z.int().describe('In micro-dollars: 1,000,000 are one US dollar.'),
  price: z.string().describe('In US dollars: what it cost, or about how much is held for it.'),
  failure: z.object({ kind: z.string(), message: z.string() }).nullable(),
  next: z.string().nullable().describe('What to call next; null when there is nothing to wait for.'),
  link: z.string().nullable().describe('Signed: works without a key until it expires.'),
} as const;
