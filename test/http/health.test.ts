/** Liveness and readiness as load balancers read them. */

import { setTimeout as wait } from 'node:timers/promises';
import { makeApp } from './test-app.ts';

async function up(): Promise<void> {}
async function down(): Promise<void> {
  throw new Error('connect ECONNREFUSED 10.1.2.3:7233');
}
const ALL_UP = { catalog: up, storage: up, temporal: up, workers: up };

async function readiness(checks: Partial<typeof ALL_UP>, isDraining = false) {
  const made = makeApp({ health: { checks: { ...ALL_UP, ...checks }, isDraining: () => isDraining } });
  const answer = await made.app.inject({ url: '/readyz' });
  return { ...made, answer };
}

test('a live process says so', async () => {
  const answer = await makeApp().app.inject({ url: '/healthz' });
  expect({ status: answer.statusCode, body: answer.json() }).toEqual({ status: 200, body: { status: 'ok' } });
});

test('all parts up is ready', async () => {
  const { answer } = await readiness({});
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ status: 'ready', catalog: 'up', storage: 'up', temporal: 'up', workers: 'up' });
});

test.each([
  ['temporal', { temporal: down }, 200, 'degraded'],
  ['workers', { workers: down }, 200, 'degraded'],
  ['catalog', { catalog: down }, 503, 'unavailable'],
  ['storage', { storage: down }, 503, 'unavailable'],
])('without %s it is told as documented', async (part, checks, status, word) => {
  const { answer, logged } = await readiness(checks);
  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toMatchObject({ status: word, [part]: 'down' });
  expect(answer.body).not.toContain('10.1.2.3');
  expect(logged.join('')).toContain('10.1.2.3');
});

test('a draining process is unavailable with all parts up', async () => {
  const { answer } = await readiness({}, true);
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({ status: 'unavailable', catalog: 'up' });
});

test('a check that hangs counts as down', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  try {
    const made = makeApp({
      health: { checks: { ...ALL_UP, temporal: () => new Promise<void>(() => undefined) }, isDraining: () => false },
    });
    await made.app.ready();
    const asked = made.app.inject({ url: '/readyz' });
    await jest.advanceTimersByTimeAsync(2000);
    expect((await asked).json()).toMatchObject({ status: 'degraded', temporal: 'down' });
  } finally {
    jest.useRealTimers();
  }
});

test('a check that throws at once counts as down', async () => {
  const { answer } = await readiness({
    workers: () => {
      throw new Error('not connected');
    },
  });
  expect(answer.json()).toMatchObject({ status: 'degraded', workers: 'down' });
});

test('a part that goes down is a warning, and one that is up again is none', async () => {
  let temporal = down;
  const { app, logged } = makeApp({
    health: { checks: { ...ALL_UP, temporal: () => temporal() }, isDraining: () => false },
  });
  const status = async () => (await app.inject({ url: '/readyz' })).json<{ readonly status: string }>().status;
  expect(await status()).toBe('degraded');
  temporal = up;
  // An answer is shared for a while.
  while ((await status()) !== 'ready') await wait(50);
  const told = logged.map((line) => JSON.parse(line)).filter(({ part }) => part === 'temporal');
  expect(told.map(({ level, msg }) => [level, msg])).toEqual([
    [40, 'temporal: down'],
    [30, 'temporal: up again'],
  ]);
});
