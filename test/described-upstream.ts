/** A stand-in for any described API: a server that takes creates, shows tasks and serves clips as a description states. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isJsonObject, type Json } from '../src/domain/json.ts';
import type { Description } from '../src/wire/description.ts';

/** What becomes of a create. */
export interface CreateFate {
  /** When its task is there for all to see. */
  readonly records: 'at once' | 'never' | { readonly afterMs: number };
  /** `cut`: the connection ends; a number: that status and nothing else. */
  readonly answer: 'started' | 'cut' | number;
}

export interface StandInTask {
  readonly id: string;
  readonly prompt: string;
  readonly key: string | undefined;
  readonly body: Json;
  readonly createdAtMs: number;
  readonly visibleAtMs: number;
  /** How often it is shown running before it ends. */
  runningFor: number;
  ends: 'succeeded' | 'failed' | 'cancelled';
}

const GOES_WELL: CreateFate = { records: 'at once', answer: 'started' };

/** Puts a value where a pointer leads to, making what is not there. */
function put(object: Record<string, unknown>, pointer: string | undefined, value: unknown): void {
  const keys = (pointer ?? '').split('/').slice(1);
  let inner: Record<string, unknown> = object;
  for (const [index, key] of keys.entries()) {
    if (index === keys.length - 1) inner[key] = value;
    else {
      inner[key] ??= /^\d+$/.test(keys[index + 1] ?? '') ? [] : {};
      inner = inner[key] as Record<string, unknown>;
    }
  }
}

/** The paths, as keys, at which a template has a value. */
function placesOf(template: Json, value: string, keys: readonly string[] = []): readonly (readonly string[])[] {
  if (template === value) return [keys];
  if (typeof template !== 'object' || template === null) return [];
  return Object.entries(template).flatMap(([key, inner]) => placesOf(inner, value, [...keys, key]));
}

/** What a path template's names stand for in a path; null where it is another path. */
function matchPath(template: string, path: string): Readonly<Record<string, string>> | null {
  const pattern = template
    .replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&')
    .replaceAll(
      /\{(\\\+)?(\w+)\}/g,
      (_whole, plus: string | undefined, name: string) => `(?<${name}>${plus === undefined ? '[^/?&]+' : '[^?]+'})`,
    );
  const groups = new RegExp(`^${pattern}$`).exec(path);
  return (
    groups &&
    Object.fromEntries(Object.entries(groups.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)]))
  );
}

/** Serves one API until it is closed. */
export class DescribedUpstream {
  readonly tasks: StandInTask[] = [];
  /** Prompts of all creates that came, in order. */
  readonly creates: string[] = [];
  /** Ids of tasks that were to be cancelled. */
  readonly cancelled: string[] = [];
  /** Requests that no route of the description has, or that lack the key. */
  readonly refused: string[] = [];
  /** How the next tasks end. */
  endsNext: StandInTask['ends'] = 'succeeded';
  /** How many polls show a new task running. */
  runningFor = 1;
  readonly #description: Description;
  readonly #clip: Uint8Array;
  readonly #fates = new Map<string, CreateFate[]>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #origin = '';

  constructor(description: Description, clip: Uint8Array = Buffer.from('a clip')) {
    this.#description = description;
    this.#clip = clip;
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  get origin(): string {
    return this.#origin;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** How the next creates with this prompt go; after that they go well. */
  plan(prompt: string, ...fates: readonly CreateFate[]): void {
    this.#fates.set(prompt, [...(this.#fates.get(prompt) ?? []), ...fates]);
  }

  tasksOf(prompt: string): readonly StandInTask[] {
    return this.tasks.filter((task) => task.prompt === prompt);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (url.startsWith('/clips/')) return this.#sendClip(request, response);
    const { create, status, content, list, cancel } = this.#description;
    if (!this.#hasKey(request)) return this.#refuse(response, 401, `${method} ${url} without the key`);
    const paths = [create.path, ...Object.values(create.modes).flatMap(({ path }) => path ?? [])];
    if (method === create.method && paths.some((path) => matchPath(path, url))) {
      return await this.#create(request, response, Buffer.concat(chunks));
    }
    if (list && method === 'GET' && url === list.path) return this.#send(response, 200, this.#list());
    const polled = method === status.method ? matchPath(status.path, url) : null;
    if (polled) return this.#show(response, polled['taskId'] ?? '');
    const served = content && method === 'GET' ? matchPath(content.path, url) : null;
    if (content && served) {
      if (content.resultUrl === undefined) return this.#sendClip(request, response);
      const answer = {};
      put(answer, content.resultUrl[0], `${this.#origin}/clips/1.mp4`);
      return this.#send(response, 200, answer);
    }
    const stopped = cancel && method === cancel.method ? matchPath(cancel.path, url) : null;
    if (stopped) return this.#cancel(response, stopped['taskId'] ?? '');
    this.#refuse(response, 404, `${method} ${url}`);
  }

  #hasKey({ headers }: IncomingMessage): boolean {
    const { header, value } = this.#description.auth;
    const [before = ''] = value.split('$');
    const sent = headers[header.toLowerCase()];
    return typeof sent === 'string' && sent.startsWith(before) && sent.length > before.length;
  }

  #refuse(response: ServerResponse, status: number, what: string): void {
    this.refused.push(what);
    this.#send(response, status, { error: { message: what } });
  }

  #send(response: ServerResponse, status: number, answer: unknown): void {
    const date = new Date(Date.now()).toUTCString();
    response.writeHead(status, { 'content-type': 'application/json', date }).end(JSON.stringify(answer));
  }

  #sendClip({ headers }: IncomingMessage, response: ServerResponse): void {
    const [, from = '0'] = /^bytes=(\d+)-/.exec(headers.range ?? '') ?? [];
    const bytes = this.#clip.subarray(Number(from));
    const range = `bytes ${from}-${this.#clip.byteLength - 1}/${this.#clip.byteLength}`;
    response.writeHead(headers.range ? 206 : 200, {
      'content-type': 'video/mp4',
      'content-length': bytes.byteLength,
      ...(headers.range && { 'content-range': range }),
    });
    response.end(bytes);
  }

  async #create(request: IncomingMessage, response: ServerResponse, bytes: Buffer): Promise<void> {
    const { create } = this.#description;
    const body = await readBody(bytes, request.headers['content-type'] ?? '');
    const variants = [create.fields, ...Object.values(create.modes).flatMap(({ fields }) => fields ?? [])];
    const places = variants.flatMap((fields) => placesOf(fields, '$prompt'));
    const prompts = places.map((keys) => keys.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), body));
    const prompt = String(prompts.find((found) => typeof found === 'string') ?? '');
    this.creates.push(prompt);
    const { records, answer } = this.#fates.get(prompt)?.shift() ?? GOES_WELL;
    const task = this.#record({ prompt, body, key: keyIn(request, create.idempotencyHeader) }, records);
    if (answer === 'cut') return void response.socket?.resetAndDestroy();
    if (answer !== 'started' || !task) return this.#send(response, answer === 'started' ? 500 : answer, {});
    const answered = {};
    put(answered, create.taskId[0], task.id);
    if (create.error) put(answered, create.error.code, create.error.fine[0]);
    this.#send(response, 200, answered);
  }

  #record(
    given: Pick<StandInTask, 'prompt' | 'body' | 'key'>,
    records: CreateFate['records'],
  ): StandInTask | undefined {
    const known = given.key === undefined ? undefined : this.tasks.find(({ key }) => key === given.key);
    if (known || records === 'never') return known;
    const now = Date.now();
    const visibleAtMs = now + (records === 'at once' ? 0 : records.afterMs);
    const id = `task-${this.tasks.length + 1}`;
    const task: StandInTask = {
      ...given,
      id,
      createdAtMs: now,
      visibleAtMs,
      runningFor: this.runningFor,
      ends: this.endsNext,
    };
    this.tasks.push(task);
    return task;
  }

  #find(id: string): StandInTask | undefined {
    return this.tasks.find((task) => id === task.id || id.endsWith(`/${task.id}`));
  }

  #show(response: ServerResponse, id: string): void {
    const task = this.#find(id);
    if (task) this.#send(response, 200, this.#shown(task));
    else this.#send(response, 404, { error: 'no such task' });
  }

  #shown(task: StandInTask): object {
    const { status, content } = this.#description;
    const answer: Record<string, unknown> = { shown: true };
    const isRunning = task.runningFor-- > 0;
    const { words } = status;
    const list = isRunning ? words.pending : words[task.ends].length > 0 ? words[task.ends] : words.failed;
    if (!isRunning || status.absentWord === undefined) put(answer, status.word[0], wordOf(list[0] ?? 'failed'));
    if (isRunning) put(answer, status.progress?.[0], 50);
    else if (task.ends === 'succeeded') {
      if (status.resultUrl) put(answer, status.resultUrl[0], `${this.#origin}/clips/${task.id}.mp4`);
      if (content?.resultId) put(answer, content.resultId[0], `file-${task.id}`);
    } else {
      put(answer, status.failedWhen?.[0], 'it did not work out');
      put(answer, status.failure[0], 'it did not work out');
    }
    return answer;
  }

  #list(): object {
    const { list } = this.#description;
    const answer: Record<string, unknown> = {};
    const seen = this.tasks.filter(({ visibleAtMs }) => visibleAtMs <= Date.now());
    const entries = seen.toReversed().map((task) => {
      const entry: Record<string, unknown> = {};
      put(entry, list?.taskId[0], task.id);
      put(entry, list?.createdAt?.[0], Math.floor(task.createdAtMs / 1000));
      put(entry, list?.prompt?.[0], task.prompt);
      return entry;
    });
    put(answer, list?.items, entries);
    return answer;
  }

  #cancel(response: ServerResponse, id: string): void {
    const task = this.#find(id);
    if (task) {
      this.cancelled.push(task.id);
      task.runningFor = 0;
      task.ends = 'cancelled';
    }
    this.#send(response, task ? 200 : 404, {});
  }
}

/** A word as JSON has it. */
function wordOf(word: string): string | boolean {
  return word === 'true' || word === 'false' ? word === 'true' : word;
}

function keyIn({ headers }: IncomingMessage, header: string | null | undefined): string | undefined {
  const value = header ? headers[header.toLowerCase()] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** JSON, or the texts of a form. */
async function readBody(bytes: Buffer, contentType: string): Promise<Json> {
  if (!contentType.startsWith('multipart/')) {
    const body: Json = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(body) ? body : {};
  }
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData();
  return Object.fromEntries([...form].map(([name, value]) => [name, typeof value === 'string' ? value : '(a file)']));
}
