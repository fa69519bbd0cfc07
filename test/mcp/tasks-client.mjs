// The official client of the tasks extension: makes a video and waits for its end. Arguments: address, key.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createTaskSessionFromClient, resultFromTaskOutcome } from '@modelcontextprotocol/ext-tasks/client';

const [url, key] = process.argv.slice(2);
const authorization = `Bearer ${key}`;
const protocolVersion = '2026-07-28';
const clientInfo = { name: 'tasks', version: '1' };

const client = new Client(clientInfo, { versionNegotiation: { mode: { pin: protocolVersion } } });
await client.connect(
  new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers: { authorization } } }),
);
const session = createTaskSessionFromClient(client, {
  endpointId: 'clipyard',
  async rawDispatch(message) {
    const answer = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        authorization,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': protocolVersion,
        'mcp-method': message.method,
        'mcp-name': message.params.name ?? message.params.taskId,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
    });
    const { result, error } = await answer.json();
    return error ? { kind: 'error', error } : { kind: 'result', result };
  },
  v2RequestFraming: {
    protocolVersion,
    clientInfo,
    clientCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  },
});
const execution = await session.callTool('create_video', {
  model: 'wan-2.6',
  prompt: 'a fox',
  durationSeconds: 5,
  idempotencyKey: 'official',
});
const { outcome } = await execution.settle();
process.stdout.write(JSON.stringify(resultFromTaskOutcome(outcome)));
await session.close();
await client.close();
