/** `clipyard listen`: a caller's events as they come, and their ends posted to a local address, signed as webhooks are. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { hostAndPort } from '../domain/address.ts';
import { isEnded } from '../domain/video.ts';
import { EVENT_OF_END, EVENT_TYPES, type EventType, eventBody } from '../domain/webhook.ts';
import { postUntrusted } from '../net/untrusted/send.ts';
import { signedHeaders } from '../webhooks/sign.ts';
import { EVENT_PATHS } from '../wire/clipyard/events.ts';
import { type BatchAnswer, lookAtBatch } from './batch-answers.ts';
import { follow, mayPass } from './follow.ts';
import { type GatewayClient, GatewayUnreachable } from './gateway-client.ts';
import { oneLine } from './output.ts';
import { type FindGateway, type JsonFlag, runCommand, type Session } from './run-command.ts';
import { describeState, readSnapshot, type Snapshot } from './video-answers.ts';

interface ListenOptions extends JsonFlag {
  readonly forwardTo?: URL;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const ANSWER_MS = 10_000;
/** A batch ends once its files are written, some time after its last video. */
const BATCH_POLL_MS = 2000;
/** Ends that are remembered: a video may change once more after its end, and is told once. */
const MOST_REMEMBERED = 10_000;

function localUrl(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw new InvalidArgumentError('give an http or https URL');
  return url;
}

/** Ids, of which the oldest are forgotten. */
class Remembered {
  readonly #ids = new Set<string>();

  /** False for one that is remembered already. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > MOST_REMEMBERED && oldest !== undefined) this.#ids.delete(oldest);
    return true;
  }
}

/** The end of a video or of a batch. */
interface End {
  readonly id: string;
  readonly type: EventType;
  readonly endedAt: string;
}

function endOf({ id, state, endedAt }: Snapshot): End | null {
  return isEnded(state) && endedAt !== null ? { id, type: EVENT_OF_END[state], endedAt } : null;
}

/** What posts ends to a local address, each once; resolves to what came of it, null where it was posted before. */
function forwarder(url: URL, secret: string): (end: End) => Promise<string | null> {
  const told = new Remembered();
  return async ({ id, type, endedAt }) => {
    if (!told.add(id)) return null;
    // The same end has the same id and the same bytes, whenever it is told.
    const event = { id: `evt_${id.replace(/^video_/, '')}`, type, subjectId: id, at: new Date(endedAt) };
    const body = eventBody(event);
    const signed = signedHeaders([secret], { id: event.id, body, atSeconds: Math.floor(Date.now() / 1000) });
    const headers = { 'content-type': 'application/json', ...signed };
    const trustedHosts = [hostAndPort(url)];
    try {
      const { status } = await postUntrusted({ url: url.href, trustedHosts, headers, body, timeoutMs: ANSWER_MS });
      return `${type} ${event.id} -> ${status}`;
    } catch (error) {
      return `${type} ${event.id} -> ${oneLine(String(error))}`;
    }
  };
}

interface BatchListener {
  onEnd(ended: BatchAnswer): Promise<void>;
  onFailure(error: unknown): void;
}

/** Follows the batches that videos belong to; calls back with each once it has ended. */
function batchFollower(gateway: GatewayClient, { onEnd, onFailure }: BatchListener): (videoOfBatch: Snapshot) => void {
  const followed = new Remembered();
  const untilEnd = async (id: string) => {
    const look = () => lookAtBatch(gateway, id);
    const hasEnded = ({ batch }: BatchAnswer) => batch.endedAt !== null;
    await onEnd(await follow(gateway, { pollMs: BATCH_POLL_MS, look, hasEnded, show: () => undefined }));
  };
  return ({ batchId }) => {
    if (batchId === null || !followed.add(batchId)) return;
    untilEnd(batchId).catch((error: unknown) => {
      if (!gateway.signal.aborted) onFailure(error);
    });
  };
}

/** Until the command is told to stop. @throws GatewayFailure where the gateway is not there at first, or refuses. */
async function listen({ gateway, output }: Session, { forwardTo, json = false }: ListenOptions): Promise<void> {
  const note = (line: string) => void output.notes.write(`${line}\n`);
  const secret = `whsec_${gateway.secretFor('clipyard listen').toString('base64')}`;
  const post = forwardTo && forwarder(forwardTo, secret);
  const forward = async (end: End | null) => {
    const outcome = end && (await post?.(end));
    if (outcome) note(outcome);
  };
  const show = (line: string, answer: string) =>
    process.stdout.write(`${json ? answer : oneLine(`${new Date().toISOString()} ${line}`)}\n`);
  const followBatchOf = batchFollower(gateway, {
    async onEnd({ answer, batch: { id, state, endedAt } }) {
      show(`${id} ${state}`, JSON.stringify(answer));
      const type = EVENT_TYPES.find((each) => each === `batch.${state}`);
      await forward(type && endedAt !== null ? { id, type, endedAt } : null);
    },
    onFailure: (error) => note(oneLine(String(error))),
  });
  if (forwardTo) note(`forwarding to ${forwardTo.href}; verify with the secret ${secret}`);
  note(`listening to ${gateway.url}`);
  let lastEventId: string | undefined;
  let waitMs = FIRST_WAIT_MS;
  for (let isFirst = true; !gateway.signal.aborted; isFirst = false) {
    try {
      for await (const { id, data } of gateway.events(EVENT_PATHS.all, lastEventId)) {
        waitMs = FIRST_WAIT_MS;
        const { snapshot } = readSnapshot(JSON.parse(data));
        show(`${snapshot.id} ${describeState(snapshot)}`, data);
        await forward(endOf(snapshot));
        followBatchOf(snapshot);
        // Only now: what was not forwarded is told again.
        lastEventId = id ?? lastEventId;
      }
    } catch (error) {
      if (gateway.signal.aborted) return;
      if (!mayPass(error) || (isFirst && error instanceof GatewayUnreachable)) throw error;
      note(`${error.message}; trying again in ${waitMs / 1000} s`);
    }
    await sleep(waitMs, undefined, { signal: gateway.signal }).catch(() => undefined);
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }
}

/** Adds the command. */
export function addListenCommand(program: Command, findGateway: FindGateway): void {
  program
    .command('listen')
    .description("the caller's events as they come, until it is stopped")
    .option('--forward-to <url>', 'post the ends of videos and batches there, signed as webhooks are', localUrl)
    .option('--json', 'a line of JSON on standard output for each event')
    .action((options: ListenOptions) => runCommand(findGateway, options, (session) => listen(session, options)));
}
