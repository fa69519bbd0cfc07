/** Calls of the catalog's functions at PGlite, prepared once: elsewhere each statement is parsed anew, in six exchanges. */

import type { PGlite, protocol } from '@electric-sql/pglite';

/** What reads no table has one plan for all parameters. */
const CALL = /^\s*select \w+\([^()]*\)(?: as \w+)?\s*$/;

/** Files of Node's are written where they are: there is no copy to bring up to date, which would be a wait of its own. */
const IN_PLACE = { syncToFs: false };

/** Whether a statement calls a function and does nothing else. */
export function isCall(text: string): boolean {
  return CALL.test(text);
}

interface Prepared {
  readonly name: string;
  readonly parameterTypes: readonly number[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

type Row = Record<string, unknown>;
type Messages = Awaited<ReturnType<PGlite['execProtocol']>>['messages'];

/** The messages of one kind; PGlite's types name the classes of few of them. */
function messagesOf<Message>(messages: Messages, name: string): readonly Message[] {
  return messages.filter((message) => message.name === name) as readonly unknown[] as readonly Message[];
}

export class PreparedCalls {
  readonly #client: PGlite;
  readonly #serialize: typeof protocol.serialize;
  /** By their texts, which are as many as the code has. */
  readonly #prepared = new Map<string, Prepared>();

  constructor(client: PGlite, serialize: typeof protocol.serialize) {
    this.#client = client;
    this.#serialize = serialize;
  }

  /** Calls outside of any transaction, and when none is under way. */
  async run(text: string, params: readonly unknown[]): Promise<{ readonly rows: Row[] }> {
    return await this.#client._runExclusiveTransaction(() => this.runInTransaction(text, params));
  }

  /** Calls in the transaction that is under way. */
  async runInTransaction(text: string, params: readonly unknown[]): Promise<{ readonly rows: Row[] }> {
    return await this.#client._runExclusiveQuery(() => this.#call(text, params));
  }

  async #call(text: string, params: readonly unknown[]) {
    const { bind, execute, sync } = this.#serialize;
    const { name, parameterTypes, fields } = this.#prepared.get(text) ?? (await this.#prepare(text));
    const values = params.map((value, index) => this.#encode(value, parameterTypes[index] ?? 0));
    const message = Buffer.concat([bind({ statement: name, values }), execute({}), sync()]);
    const { messages } = await this.#client.execProtocol(message, IN_PLACE);
    const rows = messagesOf<{ readonly fields: readonly (string | null)[] }>(messages, 'dataRow');
    return { rows: rows.map((row) => this.#decode(fields, row.fields)) };
  }

  async #prepare(text: string): Promise<Prepared> {
    const { parse, describe, sync } = this.#serialize;
    const name = `call_${this.#prepared.size + 1}`;
    const message = Buffer.concat([parse({ name, text }), describe({ type: 'S', name }), sync()]);
    const { messages } = await this.#client.execProtocol(message, IN_PLACE);
    const [parameters] = messagesOf<{ readonly dataTypeIDs: readonly number[] }>(messages, 'parameterDescription');
    const [row] = messagesOf<Pick<Prepared, 'fields'>>(messages, 'rowDescription');
    const prepared = { name, parameterTypes: parameters?.dataTypeIDs ?? [], fields: row?.fields ?? [] };
    this.#prepared.set(text, prepared);
    return prepared;
  }

  #encode(value: unknown, type: number): string | null {
    if (value === null || value === undefined) return null;
    return this.#client.serializers[type]?.(value) ?? String(value);
  }

  #decode(fields: Prepared['fields'], values: readonly (string | null)[]): Row {
    const { parsers } = this.#client;
    const entries = fields.map(({ name, dataTypeID }, index) => {
      const value = values[index] ?? null;
      return [name, value === null ? null : (parsers[dataTypeID]?.(value, dataTypeID) ?? value)] as const;
    });
    return Object.fromEntries(entries);
  }
}
