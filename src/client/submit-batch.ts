/** `clipyard batch submit`: a manifest becomes a batch, or is only validated and priced. */

import type { z } from 'zod';
import { countBadLines } from '../domain/batch.ts';
import { EncodedBody } from '../net/trusted/encoded-body.ts';
import type { RequestBody } from '../net/trusted/request-json.ts';
import {
  BATCH_PATHS,
  dryRunAnswer,
  invalidBatchAnswer,
  MANIFEST_TYPES,
  newBatchAnswer,
} from '../wire/clipyard/batches.ts';
import { describeExpectedEnd, renderInvalid } from './batch-answers.ts';
import { CommandFailure, type GatewayClient, GatewayFailure, readAnswer } from './gateway-client.ts';
import { withManifest } from './manifest.ts';
import { dollars, renderFacts } from './output.ts';
import { queryOf } from './query.ts';
import type { JsonFlag, Session } from './run-command.ts';
import { newKey, sendOnce } from './send-once.ts';
import { watchToEnd } from './watch-batch.ts';

export interface SubmitOptions extends JsonFlag {
  readonly dryRun?: boolean;
  readonly onInvalidLine?: 'fail' | 'skip';
  readonly window?: string;
  readonly name?: string;
  readonly idempotencyKey?: string;
  readonly watch?: boolean;
}

/** As long as tens of thousands of lines take to be validated. */
const VALIDATION_MS = 600_000;

type Priced = z.infer<typeof dryRunAnswer | typeof newBatchAnswer>;

function renderPriced({ id, total, estimateMicroUsd, invalid, expectedEndAt, workflowUrl }: Priced): string {
  const facts = renderFacts({
    id,
    clips: total,
    estimate: dollars(estimateMicroUsd),
    'expected end': describeExpectedEnd(expectedEndAt),
    workflow: workflowUrl,
    'to follow it': id && `clipyard batch watch ${id}`,
  });
  return invalid.length === 0 ? facts : `${facts}\n${renderInvalid(invalid)}`;
}

/** Shows the lines that a batch was refused for; null for any other failure. */
function showRefused({ output }: Session, error: unknown): CommandFailure | null {
  if (!(error instanceof GatewayFailure) || error.status !== 422) return null;
  const { success, data } = invalidBatchAnswer.safeParse(error.body);
  if (!success) return null;
  output.show(error.body, () => renderInvalid(data.invalid) || data.detail);
  return new CommandFailure(`${data.detail}; nothing was made`);
}

interface BatchCreate {
  readonly query: Parameters<typeof queryOf>[0];
  readonly idempotencyKey: string;
}

/** Has a batch made of a manifest, once. @throws GatewayFailure, as `sendOnce` does. */
export async function createBatch(
  gateway: GatewayClient,
  body: RequestBody,
  { query, idempotencyKey }: BatchCreate,
): Promise<unknown> {
  const path = BATCH_PATHS.batches + queryOf(query);
  const request = { method: 'POST', path, body, idempotencyKey, timeoutMs: VALIDATION_MS } as const;
  return await sendOnce(gateway, idempotencyKey, () => gateway.ask(request));
}

/** Has a batch made of creates in the words of a dialect; its id. */
export async function createBatchOf(gateway: GatewayClient, name: string, creates: readonly object[]): Promise<string> {
  const bytes = Buffer.from(creates.map((create) => `${JSON.stringify(create)}\n`).join(''));
  const body = new EncodedBody(MANIFEST_TYPES.jsonl[0], bytes);
  const idempotencyKey = newKey();
  return readAnswer(newBatchAnswer, await createBatch(gateway, body, { query: { name }, idempotencyKey })).id;
}

function showPriced({ output }: Session, answer: unknown, { onInvalidLine }: SubmitOptions): void {
  const priced = readAnswer(dryRunAnswer, answer);
  output.show(answer, () => renderPriced(priced));
  const { total, invalid } = priced;
  if (total > 0 && (invalid.length === 0 || onInvalidLine === 'skip')) return;
  const none = invalid.length === 0 ? 'the manifest has no line' : 'no line can become a clip';
  throw new CommandFailure(total > 0 ? countBadLines(invalid.length) : none);
}

/** @throws CommandFailure for bad lines unless they are to be skipped. */
export async function submitBatch(session: Session, file: string, options: SubmitOptions): Promise<void> {
  const { gateway, output } = session;
  const { dryRun = false, onInvalidLine, window, name, watch = false } = options;
  const idempotencyKey = options.idempotencyKey ?? newKey();
  const query = { onInvalidLine, dryRun: dryRun ? 'true' : undefined, window, name };
  const creating = withManifest(session, file, (body) => createBatch(gateway, body, { query, idempotencyKey }));
  const answer = await creating.catch((error: unknown) => {
    throw showRefused(session, error) ?? error;
  });
  if (dryRun) return showPriced(session, answer, options);
  const made = readAnswer(newBatchAnswer, answer);
  if (!watch) return output.show(answer, () => renderPriced(made));
  output.notes.write(`${renderPriced(made)}\n`);
  await watchToEnd(session, made.id);
}
