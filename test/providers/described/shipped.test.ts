/** The shipped descriptions: their recorded answers, and the rules that every poll keeps. */

import { readDescription, shippedDescriptions, shippedFile } from '../../../src/config/descriptions.ts';
import { UpstreamError } from '../../../src/domain/upstream-error.ts';
import { checkRecorded } from '../../../src/process/recorded-answers.ts';
import { describedProvider } from '../../../src/providers/described/described.ts';
import { cut, json, type Script, type ScriptedServer, text, useScriptedServer } from '../../net/scripted-server.ts';
import { makeCall } from '../make-call.ts';
import { readRecordedAnswers } from './recorded.ts';

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

describe.each(shippedDescriptions())('the description %s', (name) => {
  const description = readDescription(shippedFile(name));
  const recorded = readRecordedAnswers(name);
  const provider = describedProvider(description);

  test('is named as its file, and says where it is spoken', () => {
    expect(description).toMatchObject({ name, title: expect.any(String), baseUrl: expect.stringMatching(/^https?:/) });
  });

  test('reads each recorded answer as what it is', async () => {
    const checked = await checkRecorded(description, recorded);
    expect(checked.filter(({ problem }) => problem !== null)).toEqual([]);
  });

  test('has recorded answers of a create, of each kind of poll, and of what else it states', () => {
    expect(recorded.create.map((one) => one.is['kind'])).toContain('started');
    const kinds = new Set(recorded.poll.map((one) => one.is['kind']));
    expect([...kinds]).toEqual(expect.arrayContaining(['pending', 'succeeded', 'failed']));
    expect(recorded.list.length > 0).toBe(Boolean(description.list));
    expect(recorded.cancel.length > 0).toBe(description.cancel !== null);
    expect(recorded.sends).toBeDefined();
  });

  describe('a poll', () => {
    const poll = (script: Script, id = 'task-1') => {
      server.script = script;
      return provider.poll(id, makeCall(server));
    };
    const bodyOf = (kind: string) => recorded.poll.find((one) => one.is['kind'] === kind && one.status < 300)?.body;

    test('asks for the task with its id escaped, and for no other', async () => {
      await poll(json(404, {}), 'a?$&');
      expect(server.received[0]?.path).toContain('a%3F%24%26');
      await expect(poll(json(200, bodyOf('succeeded')), '..')).rejects.toBeInstanceOf(UpstreamError);
      expect(server.received).toHaveLength(1);
    });

    test.each([404, 410])('takes %i for missing', async (status) => {
      expect(await poll(json(status, { error: 'not found' }))).toEqual({ kind: 'missing' });
    });

    test.each<[string, Script]>([
      ['401', json(401, { error: 'no' })],
      ['429', json(429, {}, { 'retry-after': '3' })],
      ['500', json(500, {})],
      ['garbage', text(200, 'OK')],
      ['a list', json(200, [])],
      ['a reset', cut()],
    ])('fails without a verdict on %s', async (_name, script) => {
      await expect(poll(script)).rejects.toBeInstanceOf(UpstreamError);
    });

    test('keeps the state at a word that is not known', async () => {
      const words = description.status.words;
      const unknown = JSON.parse(
        JSON.stringify(bodyOf('pending')).replace(new RegExp(`"(?:${words.pending.join('|')})"`), '"dreaming"'),
      );
      const isShown = JSON.stringify(unknown).includes('dreaming');
      expect(await poll(json(200, unknown))).toMatchObject({ kind: 'pending', known: !isShown });
    });

    test('reads an end beside a bad status code only where the description says so', async () => {
      const { everyStatusCode } = description.status;
      const outcome = await poll(json(500, bodyOf('succeeded'))).catch((error: unknown) => error);
      expect(outcome instanceof UpstreamError).toBe(!everyStatusCode);
    });
  });
});
