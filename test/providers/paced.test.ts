/** The pace of an account: every kind of call counts, none is made too soon, and a poll does not wait for long. */

import type { Provider, StartCall } from '../../src/domain/provider.ts';
import { airforce } from '../../src/providers/airforce.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { paceProviders } from '../../src/providers/paced.ts';
import { makeRequest } from '../builders.ts';
import { makeCall } from './make-call.ts';

const PER_SECOND = 10;
const ACCOUNT = { baseUrl: 'https://api.example', apiKey: 'key', maxRequestsPerSecond: PER_SECOND };

let made: string[];
const note = async (what: string) => void made.push(what);
const counting: Provider = {
  name: 'airforce',
  facts: airforce.facts,
  start: async () => {
    await note('start');
    return { kind: 'started', taskId: 't', costMicroUsd: null };
  },
  poll: async (taskId) => {
    await note(`poll ${taskId}`);
    return { kind: 'missing' };
  },
  list: async () => {
    await note('list');
    return { tasks: [], upstreamNowMs: 0 };
  },
  probe: () => note('probe'),
};

beforeEach(() => {
  made = [];
  jest.useFakeTimers();
});
afterEach(() => jest.useRealTimers());

const open = (accounts = [ACCOUNT]) => paceProviders({ ...PROVIDERS_BY_NAME, airforce: counting }, accounts).airforce;
const call = (overrides: Partial<StartCall> = {}) =>
  makeCall({ origin: ACCOUNT.baseUrl }, { apiKey: 'key', ...overrides });

test('in no second are more calls made, of all kinds together, than the account allows', async () => {
  const provider = open();
  const all = Array.from({ length: 10 }, (_, n) => [
    provider.poll(`t${n}`, call()).catch(() => undefined),
    provider.list?.(call()),
    provider.start(makeRequest(), call()),
  ]);
  const perSecond: number[] = [];
  for (let second = 0; second < 3; second++) {
    const before = made.length;
    await jest.advanceTimersByTimeAsync(999);
    perSecond.push(made.length - before);
    await jest.advanceTimersByTimeAsync(1);
  }
  expect(Math.max(...perSecond)).toBe(PER_SECOND);
  await Promise.all(all.flat());
  expect(made).toHaveLength(30);
});

test('calls are made in the order in which they asked', async () => {
  const provider = open();
  const all = Promise.all(['a', 'b', 'c'].map((id) => provider.poll(id, call())));
  await jest.advanceTimersByTimeAsync(1000);
  await all;
  expect(made).toEqual(['poll a', 'poll b', 'poll c']);
});

test('a poll whose turn is far away is not made and says when to come back', async () => {
  const provider = open();
  const lists = Array.from({ length: 50 }, () => provider.list?.(call()));
  await expect(provider.poll('t', call())).rejects.toMatchObject({ phase: 'not sent', retryAfterMs: 5000 });
  await jest.advanceTimersByTimeAsync(5000);
  await Promise.all(lists);
  expect(made).not.toContain('poll t');
});

test('a create that is given up while it waits was not sent', async () => {
  const provider = open();
  const giveUp = new AbortController();
  await provider.list?.(call());
  const outcome = provider.start(makeRequest(), call({ signal: giveUp.signal }));
  giveUp.abort(new Error('too long'));
  expect(await outcome).toMatchObject({ kind: 'not sent' });
  expect(made).toEqual(['list']);
});

test('accounts do not wait for each other, but for those with the same key', async () => {
  const provider = open([ACCOUNT, { ...ACCOUNT, apiKey: 'another' }, ACCOUNT]);
  await provider.poll('a', call());
  await provider.poll('b', call({ apiKey: 'another' }));
  const third = provider.poll('c', call());
  expect(made).toEqual(['poll a', 'poll b']);
  await jest.advanceTimersByTimeAsync(100);
  await third;
  expect(made).toEqual(['poll a', 'poll b', 'poll c']);
});

test('a provider keeps exactly the calls that it has', () => {
  const paced = paceProviders(PROVIDERS_BY_NAME, []);
  for (const [name, provider] of Object.entries(PROVIDERS_BY_NAME)) {
    expect(Object.keys(Reflect.get(paced, name)).toSorted()).toEqual(Object.keys(provider).toSorted());
  }
});
