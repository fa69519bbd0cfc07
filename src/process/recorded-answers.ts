/** Answers of an upstream that were written down: what a description makes of each, against what it should. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { defined } from '../domain/defined.ts';
import type { Provider, StartCall } from '../domain/provider.ts';
import { firstProblem, problemWords } from '../domain/schema-problems.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import { closeUpstreamConnections } from '../net/trusted/request-json.ts';
import { describedProvider } from '../providers/described/described.ts';
import type { Description } from '../wire/description.ts';

const sent = z.strictObject({
  method: z.string().optional(),
  path: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.json().optional(),
});
const answer = z.strictObject({
  /** What is special about it. */
  says: z.string().optional(),
  status: z.int().min(200).max(599),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.json(),
});
/** What is made of an answer, as far as it is named: a part of an outcome, a status or a list. */
const is = z.record(z.string(), z.json());
const polled = answer.extend({
  taskId: z.string().default('task-1'),
  asks: z.string().optional(),
  /** Of the route that shows the link. */
  next: answer.extend({ asks: z.string().optional() }).optional(),
  is,
});

/** The file of recorded answers; `{origin}` in a text stands for the base URL. */
export const recordedAnswers = z.strictObject({
  /** What the sample create asks for other than 5 s in 16:9 and 720p. */
  request: z
    .strictObject({ aspectRatio: z.string().nullable(), quality: z.string().nullable(), durationSeconds: z.number() })
    .partial()
    .default({}),
  /** What is sent for it. */
  sends: sent.optional(),
  create: z.array(answer.extend({ is })).max(100).default([]),
  poll: z.array(polled).max(100).default([]),
  list: z.array(answer.extend({ is })).max(100).default([]),
  cancel: z
    .array(answer.extend({ sends: sent.optional() }))
    .max(100)
    .default([]),
});
export type RecordedAnswers = z.output<typeof recordedAnswers>;

type Read =
  | { readonly recorded: RecordedAnswers; readonly problem?: undefined }
  | { readonly recorded?: undefined; readonly problem: string };

/** The answers that a file holds, or in words what keeps it from being such a file. */
export function readRecorded(content: unknown): Read {
  const { data, error } = recordedAnswers.safeParse(content, { error: problemWords });
  if (data !== undefined) return { recorded: data };
  const { path, problem } = firstProblem(error.issues);
  return { problem: `${path || 'the file'} ${problem}` };
}

/** One comparison; `problem` is null where it came out as recorded. */
export interface Checked {
  /** `poll 2: with a signed link`. */
  readonly name: string;
  readonly problem: string | null;
}

const SAMPLE: VideoRequest = {
  model: 'MODEL',
  mode: 'text',
  prompt: 'a red kite',
  durationSeconds: 5,
  aspectRatio: '16:9',
  quality: '720p',
  images: [],
  extra: {},
};

/** No key of any account. */
const SAMPLE_KEY = 'sk-recorded-answers';
const TIMEOUT_MS = 10_000;

type Answer = z.output<typeof answer>;
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** Plays each recorded answer to the provider that a description makes, at a server of this machine's own. */
export async function checkRecorded(description: Description, recorded: RecordedAnswers): Promise<readonly Checked[]> {
  const server = new AnsweringServer();
  const origin = await server.listen();
  try {
    return await new Check(describedProvider(description), server, origin).run(recorded);
  } finally {
    await closeUpstreamConnections();
    await server.close();
  }
}

class Check {
  readonly #provider: Provider;
  readonly #server: AnsweringServer;
  readonly #origin: string;
  readonly #checked: Checked[] = [];

  constructor(provider: Provider, server: AnsweringServer, origin: string) {
    this.#provider = provider;
    this.#server = server;
    this.#origin = origin;
  }

  async run({ request, sends, create, poll, list, cancel }: RecordedAnswers): Promise<readonly Checked[]> {
    for (const [index, one] of create.entries()) {
      await this.#compare(nameOf('create', index, one), [one], one.is, () => {
        return this.#provider.start({ ...SAMPLE, ...defined(request) }, this.#call());
      });
      if (index === 0 && sends) this.#note('what a create sends', differenceOf(sends, this.#server.asked[0]));
    }
    for (const [index, one] of poll.entries()) {
      const name = nameOf('poll', index, one);
      const answers = one.next ? [one, one.next] : [one];
      await this.#compare(name, answers, one.is, () => this.#provider.poll(one.taskId, this.#call()));
      for (const [turn, path] of [one.asks, one.next?.asks].entries()) {
        if (path !== undefined) this.#note(`${name}: its path`, differenceOf(path, this.#server.asked[turn]?.path));
      }
    }
    for (const [index, one] of list.entries()) {
      await this.#compare(
        nameOf('list', index, one),
        [one],
        one.is,
        async () => await this.#provider.list?.(this.#call()),
      );
    }
    for (const [index, one] of cancel.entries()) {
      const name = nameOf('cancel', index, one);
      await this.#compare(name, [one], {}, async () => {
        await this.#provider.cancel?.('task-1', this.#call());
        return {};
      });
      if (one.sends) this.#note(`${name}: what is sent`, differenceOf(one.sends, this.#server.asked[0]));
    }
    return this.#checked;
  }

  #note(name: string, problem: string | null): void {
    this.#checked.push({ name, problem });
  }

  async #compare(
    name: string,
    answers: readonly Answer[],
    wanted: unknown,
    ask: () => Promise<unknown>,
  ): Promise<void> {
    this.#server.play(answers.map((one) => this.#placed(one)));
    const { outcome, error } = await ask().then(
      (said) => ({ outcome: said, error: null }),
      (thrown: unknown) => ({ outcome: { error: String(thrown) }, error: String(thrown) }),
    );
    const isAsked = this.#server.asked.length > 0;
    const difference = isAsked ? differenceOf(this.#placed(wanted), outcome) : nothingSent(outcome);
    this.#note(name, difference && error ? `${difference}: ${error}` : difference);
  }

  #placed<Value>(value: Value): Value {
    return JSON.parse(JSON.stringify(value).replaceAll('{origin}', this.#origin)) as Value;
  }

  #call(): StartCall {
    const unusable = () => {
      throw new Error('recorded answers have no images');
    };
    return {
      baseUrl: this.#origin,
      apiKey: SAMPLE_KEY,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      upstreamModel: SAMPLE.model,
      idempotencyKey: 'recorded-answers',
      timeoutMs: TIMEOUT_MS,
      storeClip: unusable,
      loadImage: unusable,
      linkImage: unusable,
    };
  }
}

/** Why an answer could not be played; what was not sent was not refused by the API either. */
function nothingSent(outcome: unknown): string {
  const said = z.object({ upstream: z.object({ message: z.string() }) }).safeParse(outcome);
  return `nothing was sent${said.success ? `: ${said.data.upstream.message}` : ''}`;
}

function nameOf(kind: string, index: number, { says, status }: Answer): string {
  return `${kind} ${index + 1}: ${says ?? `answered ${status}`}`;
}

/** Answers one request after the other with what is played, and remembers what it was asked. */
class AnsweringServer {
  asked: Asked[] = [];
  #answers: Answer[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  play(answers: readonly Answer[]): void {
    this.asked = [];
    this.#answers = [...answers];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    this.asked.push({
      method,
      path: url,
      headers,
      body: await readBody(Buffer.concat(chunks), headers['content-type']),
    });
    const {
      status,
      headers: own,
      body,
    } = this.#answers.shift() ?? { status: 500, body: { error: 'no more is recorded' } };
    response.writeHead(status, { 'content-type': 'application/json', ...own });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  }
}

/** A form as its texts. */
async function readBody(bytes: Uint8Array, contentType = ''): Promise<unknown> {
  if (bytes.byteLength === 0) return undefined;
  if (!contentType.startsWith('multipart/')) return JSON.parse(Buffer.from(bytes).toString('utf8'));
  const form = await new Response(Buffer.from(bytes), { headers: { 'content-type': contentType } }).formData();
  return Object.fromEntries([...form].filter(([, value]) => typeof value === 'string'));
}

/** Where a value is not as wanted, in words; lists have to agree in length, objects may have more members. */
export function differenceOf(wanted: unknown, found: unknown, place = ''): string | null {
  if (typeof wanted !== 'object' || wanted === null) {
    if (Object.is(wanted, found)) return null;
    return `${place || 'it'} is ${print(found)} and not ${print(wanted)}`;
  }
  if (typeof found !== 'object' || found === null)
    return `${place || 'it'} is ${print(found)} and not ${print(wanted)}`;
  if (Array.isArray(wanted) && (!Array.isArray(found) || found.length !== wanted.length)) {
    return `${place || 'it'} is ${print(found)} and not ${print(wanted)}`;
  }
  for (const [key, value] of Object.entries(wanted)) {
    const difference = differenceOf(value, Reflect.get(found, key), place === '' ? key : `${place}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}

const LONGEST_PRINT = 300;

function print(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > LONGEST_PRINT ? `${text.slice(0, LONGEST_PRINT)}…` : text;
}
