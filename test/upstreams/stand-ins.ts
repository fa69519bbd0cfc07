/** Stand-ins for servers of many shapes behind one port: each has tasks of its own, and the truth of what it was asked for. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeImage } from '../fixtures/images.ts';
import type { ServerShape, Shown, ShownTask } from './shapes.ts';

/** What is made otherwise than well. */
export interface Plan {
  /** What comes back of the first create in place of its answer, though its task is made. */
  readonly lost?: 'cut' | 502;
  readonly fails?: true;
  /** It says a word that is none of its own. */
  readonly saysOddWord?: true;
  /** Where clips lie; where the server usually has them when absent. */
  readonly at?: 'link' | 'route';
}

/** How long a task runs, milliseconds. */
const RUNS_MS = 60_000;

/** The input image of clips that have one, and the link that it has. */
export const IMAGE = { bytes: encodeImage('jpeg'), mediaType: 'image/jpeg' } as const;
export const IMAGE_LINK = 'https://gateway.example/images/1.jpg';

interface Task {
  readonly id: string;
  readonly prompt: string;
  readonly model: string;
  readonly madeAtMs: number;
}

/** One account at one server. */
export class StandIn {
  readonly shape: ServerShape;
  readonly baseUrl: string;
  readonly tasks: Task[] = [];
  /** Prompts of all creates that it read, in order. */
  readonly creates: string[] = [];
  /** How the images of creates came. */
  readonly images: ('file' | 'bytes' | 'link')[] = [];
  /** Tasks that were to be stopped. */
  readonly stopped: string[] = [];
  readonly #plan: Plan;
  readonly #root: string;
  readonly #clip: Uint8Array;
  readonly #now: () => number;

  constructor(
    shape: ServerShape,
    plan: Plan,
    { root, clip, now }: { readonly root: string; readonly clip: Uint8Array; readonly now: () => number },
  ) {
    this.shape = shape;
    this.#plan = plan;
    this.#root = root;
    this.#clip = clip;
    this.#now = now;
    this.baseUrl = root + (shape.base ?? '');
  }

  /** What it bills for all of its tasks, of which those that it tells no cost of are `usualMicroUsd` each. */
  bill(usualMicroUsd: number): number {
    const done = this.tasks.filter((task) => this.#isThere(task) && this.#stateOf(task) === 'completed');
    return done.length * (this.shape.costMicroUsd ?? usualMicroUsd);
  }

  async serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (path.startsWith('/cdn/')) return this.#sendClip(response);
    const { shape } = this;
    const inBase = path.startsWith(`${shape.base ?? ''}/`) ? path.slice((shape.base ?? '').length) : '';
    const [route = ''] = inBase.split('?');
    const { method } = request;
    if (method === 'POST' && route === shape.createPath) {
      return await this.#create(response, Buffer.concat(chunks), request.headers['content-type'] ?? '');
    }
    if (method === 'GET' && route === shape.listPath) return this.#send(response, shape.list(this.#listed()));
    const task = this.tasks.find(({ id }) => decodeURIComponent(route).includes(id));
    if (!task || !this.#isThere(task)) return this.#send(response, [404, { detail: 'Video not found' }]);
    const is = (wanted: string | undefined) => decodeURIComponent(route) === wanted;
    if (method === 'GET' && is(shape.taskPath(task.id))) return this.#send(response, shape.shown(this.#show(task)));
    if (method === 'GET' && is(shape.contentPath?.(task.id))) return this.#content(response, task);
    if (method === shape.stop?.method && is(shape.stop?.path(task.id))) {
      this.stopped.push(task.id);
      return this.#send(response, [200, { id: task.id, ...shape.stop?.answer }]);
    }
    this.#send(response, [405, { detail: 'Method Not Allowed' }]);
  }

  #send(response: ServerResponse, [status, body]: Shown): void {
    const date = new Date(this.#now()).toUTCString();
    response.writeHead(status, { 'content-type': 'application/json', date }).end(JSON.stringify(body));
  }

  #sendClip(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': this.#clip.byteLength }).end(this.#clip);
  }

  #content(response: ServerResponse, task: Task): void {
    const isHere = this.#stateOf(task) === 'completed' && this.#plan.at !== 'link';
    if (isHere) this.#sendClip(response);
    else this.#send(response, this.shape.noContent ?? [404, { detail: 'Video not found' }]);
  }

  async #create(response: ServerResponse, bytes: Buffer, contentType: string): Promise<void> {
    const isForm = contentType.startsWith('multipart/');
    if (this.shape.takesFormsAlone && !isForm) {
      const missing = { type: 'missing', loc: ['body', 'prompt'], msg: 'Field required', input: null };
      return this.#send(response, [422, { detail: [missing] }]);
    }
    const body = isForm ? await readForm(bytes, contentType) : JSON.parse(bytes.toString('utf8'));
    const { prompt, model } = body as { prompt: string; model: string };
    this.creates.push(prompt);
    const image = imageIn(body);
    if (image) this.images.push(image);
    const task: Task = { id: this.shape.id(this.tasks.length + 1), prompt, model, madeAtMs: this.#now() };
    this.tasks.push(task);
    const lost = this.creates.length === 1 ? this.#plan.lost : undefined;
    if (lost === 'cut') response.socket?.resetAndDestroy();
    else this.#send(response, lost ? [lost, {}] : this.shape.made(this.#show(task)));
  }

  /** What was stopped is forgotten. */
  #isThere({ id }: Task): boolean {
    return !this.stopped.includes(id);
  }

  #stateOf({ madeAtMs }: Task): ShownTask['state'] {
    if (this.#now() < madeAtMs + RUNS_MS) return 'running';
    return this.#plan.fails ? 'failed' : 'completed';
  }

  #listed(): readonly ShownTask[] {
    return this.tasks
      .filter((task) => this.#isThere(task))
      .map((task) => this.#show(task))
      .toReversed();
  }

  #show(task: Task): ShownTask {
    const { at, saysOddWord } = this.#plan;
    const { contentPath, taskPath, oddWord } = this.shape;
    const hasLink = at === 'link' || contentPath === null;
    return {
      ...{ id: task.id, model: task.model, prompt: task.prompt, seconds: '8' },
      createdAt: Math.floor(task.madeAtMs / 1000),
      state: this.#stateOf(task),
      oddWord: saysOddWord && oddWord,
      link: hasLink ? `${this.#root}/cdn/${task.id}.mp4` : undefined,
      contentUrl: this.baseUrl + (contentPath ?? taskPath)(task.id),
    };
  }
}

async function readForm(bytes: Buffer, contentType: string): Promise<object> {
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData();
  const fields = [...form].map(async ([name, value]) => [
    name,
    typeof value === 'string' ? value : Buffer.from(await value.arrayBuffer()),
  ]);
  return Object.fromEntries(await Promise.all(fields));
}

/** How the image of a create came; undefined where there is none. */
function imageIn(body: object): 'file' | 'bytes' | 'link' | undefined {
  if (Object.values(body).some((value) => Buffer.isBuffer(value) && value.equals(IMAGE.bytes))) return 'file';
  const text = JSON.stringify(body);
  if (text.includes(IMAGE.bytes.toString('base64'))) return 'bytes';
  return text.includes(IMAGE_LINK) ? 'link' : undefined;
}

/** All of them, by the first part of the path. */
export class StandIns {
  readonly #http: Server;
  readonly #all = new Map<string, StandIn>();
  readonly #clip: Uint8Array;
  readonly #now: () => number;

  private constructor(http: Server, clip: Uint8Array, now: () => number) {
    this.#http = http;
    this.#clip = clip;
    this.#now = now;
    http.on('request', (request, response) => {
      const [, name = '', path = ''] = /^\/([^/]+)(.*)$/.exec(request.url ?? '') ?? [];
      void this.#all.get(name)?.serve(request, response, path);
    });
  }

  static async start(clip: Uint8Array, now: () => number): Promise<StandIns> {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new StandIns(http, clip, now);
  }

  add(name: string, shape: ServerShape, plan: Plan): StandIn {
    const { port } = this.#http.address() as AddressInfo;
    const one = new StandIn(shape, plan, {
      root: `http://127.0.0.1:${port}/${name}`,
      clip: this.#clip,
      now: this.#now,
    });
    this.#all.set(name, one);
    return one;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}
