/** Messages of MCP as they go over the wire, in both revisions: what a client sends, and what it is answered. */

export type Revision = '2026-07-28' | '2025-11-25';

export const TASKS = 'io.modelcontextprotocol/tasks';

/** A message that answers, or tells of progress. */
export interface Answer {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect.
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export interface Asking {
  readonly method: string;
  readonly params?: Record<string, unknown>;
  readonly revision?: Revision;
  /** Whether the client takes tasks for answers; only the newer revision says so. */
  readonly takesTasks?: boolean;
  readonly progressToken?: string;
}

let lastId = 0;

/** The message; the newer revision carries what a handshake said in the older one. */
export function messageOf({ method, params = {}, revision = '2026-07-28', takesTasks, progressToken }: Asking) {
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': revision,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': takesTasks ? { extensions: { [TASKS]: {} } } : {},
  };
  const _meta = {
    ...(revision === '2026-07-28' && envelope),
    ...(progressToken !== undefined && { progressToken }),
  };
  lastId += 1;
  return { jsonrpc: '2.0', id: lastId, method, params: { ...params, ...(Object.keys(_meta).length > 0 && { _meta }) } };
}

/** Sends messages over HTTP with a key. */
export function agentAt(url: string, key: string) {
  const post = async (message: object, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify(message),
      ...(signal && { signal }),
    });

  /** All that is answered: the last message is the answer, those before it tell of progress. */
  const exchange = async (asking: Asking, signal?: AbortSignal): Promise<readonly Answer[]> => {
    const { revision = '2026-07-28', method, params = {} } = asking;
    const name = params['name'] ?? params['uri'] ?? params['taskId'];
    const routing = { 'mcp-method': method, ...(typeof name === 'string' && { 'mcp-name': name }) };
    const headers = { 'mcp-protocol-version': revision, ...(revision === '2026-07-28' && routing) };
    const answer = await post(messageOf(asking), headers, signal);
    const text = await answer.text();
    if (!answer.headers.get('content-type')?.includes('event-stream')) return [JSON.parse(text) as Answer];
    const events = text.split('\n').filter((line) => line.startsWith('data: '));
    return events.map((line) => JSON.parse(line.slice('data: '.length)) as Answer);
  };

  const ask = async (asking: Asking, signal?: AbortSignal): Promise<Answer> => {
    const answers = await exchange(asking, signal);
    return answers.at(-1) ?? {};
  };

  return {
    post,
    exchange,
    ask,
    /** What a tool answers. */
    async call(name: string, args: object, more: Omit<Asking, 'method' | 'params'> = {}) {
      const { result, error } = await ask({ method: 'tools/call', params: { name, arguments: args }, ...more });
      if (error) throw new Error(`${name}: ${error.message}`);
      return result;
    },
  };
}
