/** The shipped descriptions against answers of their upstreams that were written down. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDescription, shippedDescriptions, shippedFile } from '../../../src/config/descriptions.ts';
import { closeUpstreamConnections } from '../../../src/net/trusted/request-json.ts';
import { checkRecorded, recordedAnswers } from '../../../src/process/recorded-answers.ts';

afterAll(closeUpstreamConnections);

const ANSWERS = join(__dirname, '../../upstreams');

describe.each(shippedDescriptions())('the description %s', (name) => {
  const description = readDescription(shippedFile(name));
  const recorded = recordedAnswers.parse(JSON.parse(readFileSync(join(ANSWERS, name, 'answers.json'), 'utf8')));

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
});
