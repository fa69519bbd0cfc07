/** Webhooks as both `openai` packages manage and verify them, unmodified, against a running Clipyard. */

import { findPython } from './python.ts';
import { type RunningClipyard, runClient } from './running-clipyard.ts';

const REFUSED = expect.stringMatching(/^(InvalidWebhookSignatureError|WebhookVerificationError)$/);
const EVENTS = ['video.completed', 'video.failed', 'batch.completed'];

/** What all of a package's verifiers say. */
function every(verdicts: Readonly<Record<string, unknown>>): unknown {
  const said = [...new Set(Object.values(verdicts))];
  return said.length === 1 ? said[0] : said;
}

/** Declares the tests, which look at one run of each package. */
export function openaiWebhooks(running: () => RunningClipyard): void {
  describe.each([
    ['Node', async () => process.execPath, 'openai-webhooks.mjs'],
    ['Python', findPython, 'openai_webhooks.py'],
  ])('for %s', (_name, find, script) => {
    // biome-ignore lint/suspicious/noExplicitAny: what a program printed
    let found: any;

    beforeAll(async () => {
      const key = await running().join({ creditMicroUsd: 1e9 });
      found = await runClient(await find(), [script], { ...running().input, key });
    }, 400_000);

    test('an endpoint is made, read, changed, listed by pages and deleted', () => {
      const { signing_secret: secret, signing_secret_hint: hint, ...created } = found.created;
      expect(created).toEqual({
        ...{ id: expect.any(String), object: 'webhook_endpoint', name: 'studio', event_types: EVENTS },
        ...{ url: expect.any(String), created_at: expect.any(Number) },
      });
      expect(secret).toMatch(/^whsec_/);
      expect(hint).toBe(`whsec_…${secret.slice(-4)}`);
      expect(found.retrieved).toEqual({ ...created, signing_secret_hint: hint });
      expect(found.updated).toEqual({ ...found.retrieved, name: 'renamed', event_types: EVENTS.slice(0, 2) });
      expect(found.isListed).toBe(true);
      expect(found.deleted).toEqual({ id: expect.any(String), object: 'webhook_endpoint.deleted', deleted: true });
      expect(found.gone).toMatchObject({ status: 404 });
      expect(found.eventTypes).toMatchObject({ object: 'list', data: expect.arrayContaining(EVENTS) });
    });

    test('a test tells what the receiver answered', () => {
      expect(found.test).toEqual({
        ...{ object: 'webhook_endpoint.test', webhook_endpoint_id: found.created.id, event_type: 'video.failed' },
        ...{ success: true, status_code: 204 },
      });
      expect(every(found.tested)).toBe('video_test');
    });

    test('what is wrong is refused by its parameter', () => {
      expect(found.badEvent).toMatchObject({ status: 400, param: 'event_types.0' });
      expect(found.badUrl).toMatchObject({ status: 400, param: 'url' });
      expect(found.stranger).toMatchObject({ status: 401 });
    });

    test('an end is told once it can be read, and every verifier accepts it', () => {
      expect(found.told).toMatchObject({ object: 'event', type: 'video.completed', isOfVideo: true });
      expect(found.state).toBe('completed');
      expect(found.accepted).toBe(true);
    });

    test.each(['changed', 'old', 'wrong'])('a delivery that is %s is refused by all', (what) => {
      for (const said of Object.values(found[what])) expect(said).toEqual(REFUSED);
    });

    test('a rotation leaves no gap, and the old secret signs no more where it is not kept', () => {
      expect(found.afterRotation.map(every)).toEqual(['video_test', 'video_test']);
      const [oldest, kept, newest] = found.afterSecond;
      for (const said of [...Object.values(oldest), ...Object.values(kept)]) expect(said).toEqual(REFUSED);
      expect(every(newest)).toBe('video_test');
    });
  });
}
