/** A client of our event streams: what came, block by block, and the end. */

import { createParser, type EventSourceMessage } from 'eventsource-parser';

export interface ClientOptions {
  readonly key?: string;
  readonly lastEventId?: string | undefined;
}

export class EventClient {
  readonly #response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #events: EventSourceMessage[] = [];
  readonly #parser = createParser({ onEvent: (event) => void this.#events.push(event) });
  readonly #abort: AbortController;
  #text = '';

  constructor(response: Response, abort: AbortController) {
    this.#response = response;
    this.#reader = response.body?.getReader();
    this.#abort = abort;
  }

  static async open(url: string, { key, lastEventId }: ClientOptions): Promise<EventClient> {
    const abort = new AbortController();
    const headers = {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    };
    return new EventClient(await fetch(url, { headers, signal: abort.signal }), abort);
  }

  get status(): number {
    return this.#response.status;
  }

  get headers(): Headers {
    return this.#response.headers;
  }

  /** Everything that was read so far. */
  get text(): string {
    return this.#text;
  }

  /** The next event; null at the end. */
  async next(): Promise<EventSourceMessage | null> {
    while (this.#events.length === 0) if (!(await this.#read())) return null;
    return this.#events.shift() ?? null;
  }

  /** The next one's snapshot, and its id. */
  async shown(): Promise<{
    readonly at: string;
    readonly id: string;
    readonly state: string;
    readonly progress: number;
  }> {
    const event = await this.next();
    if (event === null) throw new Error('the stream has ended');
    const { id, state, progress } = JSON.parse(event.data);
    return { at: event.id ?? '', id, state, progress };
  }

  /** As many of them. */
  async take(count: number) {
    const all: Awaited<ReturnType<EventClient['shown']>>[] = [];
    while (all.length < count) all.push(await this.shown());
    return all;
  }

  /** Resolves when the text has come. */
  async until(part: string): Promise<void> {
    while (!this.#text.includes(part)) if (!(await this.#read())) throw new Error(`ended without ${part}`);
  }

  async rest(): Promise<readonly EventSourceMessage[]> {
    const events: EventSourceMessage[] = [];
    for (let event = await this.next(); event !== null; event = await this.next()) events.push(event);
    return events;
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<boolean> {
    const chunk = await this.#reader?.read();
    if (!chunk || chunk.done) return false;
    const text = new TextDecoder().decode(chunk.value);
    this.#text += text;
    this.#parser.feed(text);
    return true;
  }
}
