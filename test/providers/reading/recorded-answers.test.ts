/** What servers in the field answer is read as what it means, whatever shape it has. */

import { closeUpstreamConnections } from '../../../src/net/trusted/request-json.ts';
import { openai } from '../../../src/providers/openai.ts';
import { makeRequest } from '../../builders.ts';
import { type ScriptedServer, startScriptedServer, text } from '../../net/scripted-server.ts';
import { makeCall } from '../make-call.ts';
import { BASE, CREATES, POLLS } from './recorded-answers.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startScriptedServer();
});
afterAll(async () => {
  await closeUpstreamConnections();
  await server.close();
});

/** Where the answers say that they come from. */
function answer({ status, body }: { readonly status: number; readonly body: unknown }): void {
  const said = body === undefined ? 'Internal Server Error' : JSON.stringify(body).replaceAll(BASE, server.origin);
  server.script = text(status, said);
}

function asSaid(read: unknown): unknown {
  return JSON.parse(JSON.stringify(read).replaceAll(server.origin, BASE));
}

test.each(CREATES)('a create at $server: $what', async ({ read, ...answered }) => {
  answer(answered);
  expect(asSaid(await openai.start(makeRequest(), makeCall(server)))).toMatchObject(read);
});

test.each(POLLS)('a poll at $server: $what', async ({ read, ...answered }) => {
  answer(answered);
  expect(asSaid(await openai.poll('task-1', makeCall(server)))).toEqual(read);
});
