/** A load of clips as clients make them: each asks again as its dialect's clients do, follows its clip and fetches it. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';

const AT_ONCE = 10;
const TRIES = 60;
const LOOK_MS = 100;
const REQUEST_MS = 30_000;
const MODEL = 'sandbox-mini';
const SECONDS = 2;

/** A clip as its client got it. */
export interface FetchedClip {
  readonly id: string;
  readonly sha256: string;
}

export interface Load {
  /** Resolves when so many more clips have ended than by now. */
  untilEnded(more: number): Promise<void>;
  /** Ends the load; what became of each clip, in no order: an error is a request that failed for good. */
  results(): Promise<readonly (FetchedClip | Error)[]>;
}

interface Target {
  readonly url: string;
  readonly key: string;
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** With OpenAI's package as it comes: two more tries, after what the answer says. */
function openaiClient({ url, key }: Target) {
  const { videos } = new OpenAI({ baseURL: `${url}/openai/v1`, apiKey: key });
  return async (name: string): Promise<FetchedClip> => {
    const order = { model: MODEL, prompt: name, seconds: String(SECONDS) } as unknown as OpenAI.VideoCreateParams;
    let video = await videos.create(order, { headers: { 'Idempotency-Key': name } });
    while (video.status === 'queued' || video.status === 'in_progress') {
      await sleep(1_000);
      video = await videos.retrieve(video.id);
    }
    if (video.status !== 'completed') throw new Error(`${video.id} is ${video.status}`);
    const content = await videos.downloadContent(video.id);
    return { id: video.id, sha256: digest(Buffer.from(await content.arrayBuffer())) };
  };
}

/** By hand, as our instructions for agents say: 408, 429 and 5xx pass, and are asked again after `Retry-After`. */
function airforceClient({ url, key }: Target) {
  async function send(path: string, init: RequestInit = {}): Promise<Buffer> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const signal = AbortSignal.timeout(REQUEST_MS);
      const answer = await fetch(new URL(path, url), { ...init, signal }).catch(() => null);
      const passes = answer === null || answer.status === 408 || answer.status === 429 || answer.status >= 500;
      const body = await answer?.arrayBuffer().catch(() => null);
      if (answer?.ok === true && body != null) return Buffer.from(body);
      if (!passes && body != null) throw new Error(`${path}: ${answer.status} ${Buffer.from(body)}`);
      await sleep(Number(answer?.headers.get('retry-after') ?? 1) * 1_000);
    }
    throw new Error(`${path} is never answered`);
  }
  const authorization = `Bearer ${key}`;
  return async (name: string): Promise<FetchedClip> => {
    let task = JSON.parse(
      String(
        await send('/airforce/v1/video/generations', {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json', 'idempotency-key': name },
          body: JSON.stringify({ model: MODEL, prompt: name, duration_seconds: SECONDS }),
        }),
      ),
    );
    while (task.status === 'queued' || task.status === 'processing') {
      await sleep(1_000);
      task = JSON.parse(String(await send(`/airforce/v1/video/tasks/${task.task_id}`, { headers: { authorization } })));
    }
    if (task.status !== 'completed') throw new Error(`${task.task_id} is ${task.status}: ${task.error}`);
    return { id: task.task_id, sha256: digest(await send(task.result_url)) };
  };
}

/** Has clips made, some at a time, until results are asked for, and so many at least; their names begin with `name`. */
export function putUnderLoad(target: Target, { clips, name }: { readonly clips: number; readonly name: string }): Load {
  const [openai, airforce] = [openaiClient(target), airforceClient(target)];
  const results: (FetchedClip | Error)[] = [];
  let made = 0;
  let isOver = false;
  const work = async (make: (name: string) => Promise<FetchedClip>) => {
    while (made < clips || !isOver) {
      made += 1;
      const clip = make(`${name}-${made}`);
      results.push(await clip.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error)))));
    }
  };
  const working = Promise.all(Array.from({ length: AT_ONCE }, (_, n) => work(n % 2 === 0 ? openai : airforce)));
  return {
    async untilEnded(more) {
      const enough = results.length + more;
      while (results.length < enough) await sleep(LOOK_MS);
    },
    async results() {
      isOver = true;
      await working;
      return results;
    },
  };
}
