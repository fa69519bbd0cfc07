/** Receives bodies into memory, large ones in turn: ten at once would keep every other request waiting. */

import type { Readable } from 'node:stream';
import { setImmediate as othersTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../domain/failure.ts';

/** Smaller ones are received and read at once. */
const LARGE_BODY_BYTES = 256 * 1024;

/** What there is room for at first where a body does not tell its length. */
export const FIRST_BYTES = 16 * 1024;

export interface ReceiveBounds {
  /** What there is room for at first; null where nothing is known. */
  readonly toldBytes: number | null;
  readonly mostBytes: number;
  /** What to say of more. */
  readonly tooLarge: string;
  /** Told before there is room for so many; what it throws ends the receiving. */
  readonly onGrown?: (bytes: number) => void;
}

/**
 * The bytes of a stream. Each piece goes to its place as it comes: kept and put together at the end they cost as much again.
 * @throws Refusal `too_large`; what the stream throws.
 */
export async function receive(
  chunks: AsyncIterable<Buffer>,
  { toldBytes, mostBytes, tooLarge, onGrown }: ReceiveBounds,
): Promise<Buffer> {
  let bytes = Buffer.allocUnsafeSlow(toldBytes ?? FIRST_BYTES);
  let size = 0;
  for await (const chunk of chunks) {
    const grown = size + chunk.length;
    if (grown > mostBytes) throw new Refusal('too_large', tooLarge);
    if (grown > bytes.length) {
      const longerBytes = Math.min(2 * grown, mostBytes);
      onGrown?.(longerBytes);
      const longer = Buffer.allocUnsafeSlow(longerBytes);
      bytes.copy(longer, 0, 0, size);
      bytes = longer;
    }
    chunk.copy(bytes, size);
    size = grown;
    // Else a connection is read until two megabytes have come before any other is looked at.
    if (bytes.length >= LARGE_BODY_BYTES) await othersTurn();
  }
  return bytes.subarray(0, size);
}

const noResult = () => undefined;

/** Lets large bodies begin one after another. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs when its turn comes; the next begins when it has ended, or `passesOn` has. */
  async take<T>(run: () => Promise<T>, passesOn?: () => Promise<void>): Promise<T> {
    const running = this.#last.then(run);
    // Without its result: a body would be kept until the next one comes.
    const hasEnded = running.then(noResult, noResult);
    this.#last = passesOn === undefined ? hasEnded : Promise.race([hasEnded, this.#last.then(passesOn)]);
    return await running;
  }
}

const reading = new Turns();
const receiving = new Turns();
/** Of these a caller can send a few dozen at a time, so that the last of them begins a second or two late at the most. */
const QUEUED_BODY_BYTES = 4 * 1024 * 1024;
/** What is not there by then comes over a slow line, and would keep the next one waiting for nothing. */
const TURN_MS = 50;

/** What a request says that its body has; null where it says nothing. */
export function toldBytesOf({ headers }: FastifyRequest): number | null {
  const told = headers['content-length'];
  return told === undefined ? null : Number(told);
}

/**
 * What `read` makes of a request's body.
 * @throws Refusal `too_large` beyond the route's limit, `invalid_request` where it breaks off; what `read` throws.
 */
export async function readBody<T>(request: FastifyRequest, payload: Readable, read: (bytes: Buffer) => T): Promise<T> {
  const bounds = {
    toldBytes: toldBytesOf(request),
    mostBytes: request.routeOptions.bodyLimit,
    tooLarge: 'the body is larger than this route takes',
    onGrown: (bytes: number) => request.holdBody(bytes),
  };
  if ((bounds.toldBytes ?? 0) > bounds.mostBytes) throw new Refusal('too_large', bounds.tooLarge);
  // Destroyed, the stream would take the connection with it, and the answer.
  const chunks: AsyncIterable<Buffer> = payload.iterator({ destroyOnReturn: false });
  const giveUp = (cause: unknown): never => {
    // Left there, the rest would keep the connection's next request from being read, and a client that sends first from the answer.
    payload.resume();
    if (cause instanceof Refusal) throw cause;
    // No defect of ours.
    throw new Refusal('invalid_request', 'the body breaks off', { cause });
  };
  const receiveAndRead = async () => {
    const bytes = await receive(chunks, bounds).catch(giveUp);
    if (bytes.length < LARGE_BODY_BYTES) return read(bytes);
    return await reading.take(async () => {
      await othersTurn();
      const value = read(bytes);
      await othersTurn();
      return value;
    });
  };
  if ((bounds.toldBytes ?? 0) < QUEUED_BODY_BYTES) return await receiveAndRead();
  return await receiving.take(receiveAndRead, () => sleep(TURN_MS));
}
