/** Downloads a clip into a staged object, going on where a broken connection left it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { MalformedVideoBody } from '../net/base64/decoder.ts';
import { answerFromDataUrl, isDataUrl } from '../net/untrusted/data-url.ts';
import {
  type FetchUntrusted,
  type UntrustedAnswer,
  type UntrustedRequest,
  UnusableUrl,
} from '../net/untrusted/fetch.ts';
import { BlockedAddress } from '../net/untrusted/guarded-connector.ts';
import type { LentBody, TakeChunk } from '../net/untrusted/lent-answer.ts';
import { ArchiveProblem, CutOff } from './archive-problem.ts';
import type { ClipTransfer } from './clip-transfer.ts';
import { DownloadPace, type PaceLimits } from './download-pace.ts';
import { readAnswer } from './result-answer.ts';

/** Bounds of a download, and its waits; `idleMs` is also the wait for the answer's head. */
export interface DownloadLimits extends PaceLimits {
  readonly maxBytes: number;
  /** Before the tries that follow a first one that failed; after these the download is put off. */
  readonly waitsMs: readonly number[];
  /** A try that brought so much more counts as progress: the waits begin anew. */
  readonly progressBytes: number;
  /** Before a second copy of what is no video. */
  readonly secondCopyMs: number;
}

export const DOWNLOAD_LIMITS: DownloadLimits = {
  maxBytes: 4 * 1024 ** 3,
  idleMs: 30_000,
  leastBytes: 32 * 1024,
  waitsMs: [0, 1000, 4000, 10_000],
  progressBytes: 1024 * 1024,
  secondCopyMs: 5000,
};

/** Where a clip is, and who may be asked for it. */
export type ClipSource = Pick<UntrustedRequest, 'url' | 'baseUrl' | 'trustedHosts' | 'authorise' | 'proxies'>;

export interface DownloadJob {
  readonly fetchResult: FetchUntrusted;
  readonly source: ClipSource;
  readonly limits: DownloadLimits;
  readonly signal: AbortSignal;
  /** Asks caches on the way for a fresh copy. */
  readonly fresh: boolean;
}

/** Resolves when all bytes are staged; throws `ArchiveProblem`, or the signal's reason. */
export async function downloadClip(transfer: ClipTransfer, job: DownloadJob): Promise<void> {
  const { waitsMs, progressBytes, idleMs } = job.limits;
  for (let failures = 0; !transfer.isComplete; failures += 1) {
    const beforeBytes = transfer.staged.sizeBytes;
    const beganMs = performance.now();
    const cut = await exchange(transfer, job);
    if (cut === null) return;
    const hasProgress = transfer.isResumable && transfer.staged.sizeBytes - beforeBytes >= progressBytes;
    if (hasProgress) failures = 0;
    // What waited in vain for so long is put off at once: the place is left to the clips of upstreams that do answer.
    const wasInVain = !hasProgress && performance.now() - beganMs >= idleMs;
    const waitMs = wasInVain ? undefined : waitsMs[failures];
    if (waitMs === undefined) {
      const details = { cause: cut, hasBegun: transfer.staged.sizeBytes > 0 };
      throw new ArchiveProblem('later', `the download broke off: ${cut.message}`, details);
    }
    await pause(waitMs, job.signal);
  }
}

/** Waits; throws the signal's reason as soon as it fires. */
export async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** One request; null when it brought the last byte, else why it broke off. */
async function exchange(transfer: ClipTransfer, job: DownloadJob): Promise<CutOff | null> {
  try {
    const answer = await ask(transfer, job);
    await receive(transfer, answer, job);
    return null;
  } catch (error) {
    job.signal.throwIfAborted();
    if (error instanceof CutOff) return error;
    throw error;
  }
}

/** Gets an answer that continues what is there, or one that starts anew. */
async function ask(transfer: ClipTransfer, job: DownloadJob): Promise<UntrustedAnswer> {
  const { wanted } = transfer;
  const answer = await fetchHead(job, requestHeaders(wanted, job.fresh));
  try {
    const kind = readAnswer(answer, wanted);
    // Once the part is thrown away the next request asks for no range, so a misfit cannot come twice in a row.
    if (kind !== 'resume' && transfer.staged.sizeBytes > 0) await transfer.restart();
    if (kind === 'misfit')
      throw new CutOff(`the upstream's link answered ${answer.status} with bytes that do not continue ours`);
    transfer.learn(answer);
    return answer;
  } catch (error) {
    answer.body.drop();
    throw error;
  }
}

function requestHeaders(wanted: ClipTransfer['wanted'], fresh: boolean): Record<string, string> {
  const headers: Record<string, string> = { accept: 'video/mp4, */*;q=0.1', 'accept-encoding': 'identity' };
  if (fresh) headers['cache-control'] = 'no-cache';
  if (wanted.offset > 0 && wanted.validator !== null) {
    headers['range'] = `bytes=${wanted.offset}-`;
    headers['if-range'] = wanted.validator;
  }
  return headers;
}

async function fetchHead(
  { fetchResult, source, limits, signal }: DownloadJob,
  headers: Record<string, string>,
): Promise<UntrustedAnswer> {
  try {
    if (isDataUrl(source.url)) return answerFromDataUrl(source.url);
    return await fetchResult({ ...source, headers, signal, timeoutMs: limits.idleMs });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BlockedAddress) {
      const message = "the upstream's link leads to a private address; an account's trustedHosts can allow it";
      throw new ArchiveProblem('invalid', message, { cause: error });
    }
    if (error instanceof UnusableUrl)
      throw new ArchiveProblem('invalid', `the upstream's link is unusable: ${error.message}`, { cause: error });
    throw new CutOff(`no answer came (${describe(error)})`, error);
  }
}

/** Ours in words, those of the network by their codes: callers are shown what becomes of it. */
function describe(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.message : String(error);
}

async function receive(transfer: ClipTransfer, { body }: UntrustedAnswer, job: DownloadJob): Promise<void> {
  const { staged } = transfer;
  const { maxBytes } = job.limits;
  try {
    checkSize(transfer.totalBytes ?? 0, maxBytes);
    await readWatched(body, job, (chunk) => {
      checkSize(staged.sizeBytes + chunk.byteLength, maxBytes);
      return staged.write(chunk);
    });
  } finally {
    body.drop();
  }
  const { totalBytes } = transfer;
  if (totalBytes === null || staged.sizeBytes === totalBytes) return;
  const message = `${staged.sizeBytes} of ${totalBytes} announced bytes came`;
  if (staged.sizeBytes > totalBytes) await transfer.restart();
  throw new CutOff(message);
}

function checkSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes > maxBytes)
    throw new ArchiveProblem('invalid', `the clip is larger than the bound of ${maxBytes} bytes`);
}

/**
 * Reads the body to its end. A stall, a trickle, an abort and an error of the connection all end it as `CutOff`; what
 * `take` fails with is thrown as it is.
 */
async function readWatched(body: LentBody, { signal, limits }: DownloadJob, take: TakeChunk): Promise<void> {
  const ownFailure: unknown[] = [];
  const pace = new DownloadPace(limits, (reason) => body.drop(reason));
  const fail = (error: unknown): never => {
    ownFailure.push(error);
    throw error;
  };
  try {
    await body.read((chunk) => {
      pace.came(chunk.byteLength);
      let taken: Promise<void> | undefined;
      try {
        taken = take(chunk);
      } catch (error) {
        fail(error);
      }
      if (taken === undefined) return undefined;
      pace.beginOwnTurn();
      return taken.then(() => pace.endOwnTurn(), fail);
    });
  } catch (error) {
    if (ownFailure.length > 0) throw ownFailure[0];
    signal.throwIfAborted();
    if (error instanceof MalformedVideoBody)
      throw new ArchiveProblem('invalid', `the upstream's link is unusable: ${error.message}`, { cause: error });
    throw new CutOff(describe(error), error);
  } finally {
    pace.end();
  }
}
