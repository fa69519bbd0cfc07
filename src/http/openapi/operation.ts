/** How one of our own routes is described, and the names that descriptions refer to. */

import type { z } from 'zod';
import type { RefusalKind } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import * as answers from '../own/answers.ts';

/** Schemas that the document names and refers to. */
export const NAMED_ANSWERS = {
  Video: answers.videoAnswer,
  VideoList: answers.videoListAnswer,
  Estimate: answers.estimateAnswer,
  Balance: answers.balanceAnswer,
  Ledger: answers.ledgerAnswer,
  Costs: answers.costsAnswer,
  Caller: answers.callerAnswer,
  NewCaller: answers.newCallerAnswer,
  CallerList: answers.callerListAnswer,
  Account: answers.accountAnswer,
  AccountList: answers.accountListAnswer,
  Liveness: answers.livenessAnswer,
  Readiness: answers.readinessAnswer,
  Problem: answers.problemAnswer,
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type AnswerName = keyof typeof NAMED_ANSWERS;

/** A body that is not JSON of ours: its media types; none for an empty one. */
export interface RawAnswer {
  readonly meaning: string;
  readonly mediaTypes: readonly string[];
}

/** One method at one path. */
export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'head';
  /** With `{name}` for its parameters. */
  readonly path: string;
  readonly id: string;
  readonly tag: keyof typeof TAGS;
  readonly summary: string;
  readonly description?: string;
  /** Whose key it takes; `none`: no key. */
  readonly access: 'none' | 'caller' | 'root';
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly bodyIsOptional?: boolean;
  readonly example?: JsonObject;
  /** By status: the name of the body's schema, or bytes. */
  readonly answers: Readonly<Record<number, AnswerName | RawAnswer>>;
  /** Beyond those of every route with its access. */
  readonly refusals: readonly RefusalKind[];
}

/** Groups of routes, in the order they are shown in. */
export const TAGS = {
  videos: 'Clips: everything about them, and what can be asked of them. They are created in a dialect.',
  money: 'What clips cost and cost so far. Amounts are whole micro-dollars.',
  callers: 'Who holds an API key. For root alone.',
  accounts: 'Upstream accounts. For root alone.',
  media: 'Clips, posters and input images by signed links, which need no key.',
  process: 'Health and documentation of the process. No key is needed.',
} as const;

/** What the names in paths stand for. */
export const PATH_PARAMETERS: Readonly<Record<string, string>> = { id: 'The id.', file: 'The name of the file.' };
