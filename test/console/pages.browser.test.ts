/** What a page of the console keeps, shares with the browser's other pages and sends once; over a gateway without Temporal. */

import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { endVideo } from '../../src/catalog/ends.ts';
import { syncConfiguredModels } from '../../src/catalog/models.ts';
import { openTestGateway, type TestGateway } from '../open-gateway.ts';
import { ROOT_KEY } from '../open-parts.ts';
import { compileConsole } from './compiled.ts';

/** As the tests' configuration found it. */
const { CLIPYARD_TEST_BROWSER: BROWSER = '' } = process.env;
const PATIENCE_MS = 60_000;
/** Three pages of the list, the last of which is not full. */
const VIDEOS = 230;

let gateway: TestGateway;
let compiled: ReturnType<typeof compileConsole>;
let browser: Browser;
let origin: string;

async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** A page of the console, with a key typed where it is asked for. */
async function pageOf(context: BrowserContext, place: string, key?: string, host = origin): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${host}/console${place}`);
  if (key !== undefined) {
    await page.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
  }
  await page.getByRole('link', { name: 'Overview' }).waitFor();
  return page;
}

async function create(prompt: string, key = ROOT_KEY): Promise<string> {
  const answer = await gateway.app.inject({
    method: 'POST',
    url: '/airforce/v1/video/generations',
    headers: { authorization: `Bearer ${key}` },
    payload: { model: 'wan', prompt, duration_seconds: 5 },
  });
  expect(answer.statusCode).toBe(200);
  return answer.json<{ task_id: string }>().task_id;
}

/** Holds the changes that a page asks for back until it is called; what they were. */
async function holdChanges(page: Page) {
  const asked: string[] = [];
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/\/clipyard\/v1\//, async (route) => {
    if (route.request().method() === 'GET') return await route.continue();
    asked.push(route.request().url());
    await released;
    await route.continue();
  });
  return { asked, release };
}

beforeAll(async () => {
  compiled = compileConsole();
  gateway = await openTestGateway({ consoleFolder: compiled.folder });
  await syncConfiguredModels(gateway.db, [
    {
      id: 'wan',
      accounts: ['airforce-1'],
      upstreamModel: 'wan',
      pricePerSecondMicroUsd: 10_000,
      durationsSeconds: [5],
      minDurationSeconds: 5,
      maxDurationSeconds: 5,
      aspectRatios: [],
      qualities: [],
      modes: ['text'],
    },
  ]);
  for (let index = 0; index < VIDEOS; index++) await create(`clip ${index}`);
  origin = await gateway.app.listen({ host: '127.0.0.1', port: 0 });
  browser = await chromium.launch({
    executablePath: BROWSER,
    args: ['--no-sandbox', '--host-resolver-rules=MAP studio.example 127.0.0.1'],
  });
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  compiled.remove();
});

const FOCUSED = 'document.activeElement.innerText';

test('who goes back from a video is where it was opened: as far down, at its row, with what was read', async () => {
  const page = await pageOf(await newContext(), '/videos', ROOT_KEY);
  const count = page.locator('.count');
  const rows = page.locator('[data-row]');
  await rows.first().waitFor();
  while ((await count.textContent()) !== `${VIDEOS} videos`) {
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    await page.evaluate('new Promise(requestAnimationFrame)');
  }
  const opened = page.getByRole('link', { name: 'clip 20', exact: true });
  await opened.scrollIntoViewIfNeeded();
  await opened.focus();
  const place = await opened.boundingBox();
  expect(await page.evaluate<number>('scrollY')).toBeGreaterThan(5000);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'clip 20' }).waitFor();
  await create('made meanwhile');
  await page.goBack();
  await opened.and(page.locator(':focus')).waitFor();
  // What came meanwhile does not move what is being read.
  await page.getByRole('button', { name: '1 new video' }).waitFor();
  expect(await opened.boundingBox()).toEqual(place);
  expect(await count.textContent()).toBe(`${VIDEOS} videos`);
  await page.keyboard.press('j');
  expect(await page.evaluate(FOCUSED)).toBe('clip 19');
  await page.goForward();
  await page.getByRole('heading', { level: 1, name: 'clip 20' }).waitFor();
  expect(await page.evaluate('scrollY')).toBe(0);
});

test('each press counts of a key that comes faster than the rows it leads to', async () => {
  const page = await pageOf(await newContext(), '/videos', ROOT_KEY);
  await page.locator('[data-row]').first().waitFor();
  const pressed = (key: string) => `{
    const press = () => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true }));
    for (let n = 0; n < 60; n++) press();
  }`;
  await page.evaluate(pressed('j'));
  // The head is the first row.
  await page.locator('[aria-rowindex="61"] a:focus').waitFor();
  await page.evaluate(pressed('k'));
  await page.locator('[aria-rowindex="2"] a:focus').waitFor();
});

test('what is chosen stays chosen for who looks at one of them, and its bar covers no row that keys lead to', async () => {
  const page = await pageOf(await newContext(), '/videos', ROOT_KEY);
  await page.locator('[data-row]').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  const bar = page.locator('.bulk');
  for (let rows = 0; rows < 12; rows++) {
    await page.keyboard.press('j');
    const [row, above] = [await page.locator('[data-row] a:focus').boundingBox(), await bar.boundingBox()];
    expect((row?.y ?? Infinity) + (row?.height ?? 0)).toBeLessThanOrEqual(above?.y ?? 0);
  }
  for (let rows = 0; rows < 10; rows++) await page.keyboard.press('k');
  const [row, head] = [await page.locator('[data-row] a:focus').boundingBox(), page.locator('.rows-head')];
  expect(row?.y ?? 0).toBeGreaterThanOrEqual(
    ((await head.boundingBox())?.y ?? 0) + ((await head.boundingBox())?.height ?? 0),
  );
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1 }).and(page.getByText(/^clip/)).waitFor();
  await page.goBack();
  await page.getByText('1 chosen').waitFor();
});

test('what ends while a list of its state is shown comes into it, also if it is older than what is there', async () => {
  const [older, newer] = [await create('the older one'), await create('the newer one')];
  const cancel = (id: string) => endVideo(gateway.db, id, { state: 'cancelled', failure: null, archive: null });
  await cancel(newer);
  const page = await pageOf(await newContext(), '/videos?state=stopped', ROOT_KEY);
  await page.getByRole('link', { name: 'the newer one' }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await cancel(older);
  await page.getByRole('link', { name: 'the older one' }).waitFor();
  expect(await page.locator('[data-row] a').allInnerTexts()).toEqual(['the newer one', 'the older one']);
});

test('all pages of a browser are those of its one session', async () => {
  const { key } = await gateway.administration.createCaller({ name: 'studio' });
  const context = await newContext();
  const page = await pageOf(context, '/', ROOT_KEY);
  const other = await pageOf(context, '/videos');
  await other.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').fill(key);
  await page.keyboard.press('Enter');
  for (const each of [page, other]) await each.locator('.who-name', { hasText: 'studio' }).waitFor();
  expect(await other.getByRole('link', { name: 'Callers' }).count()).toBe(0);
});

test('what is asked for twice before it is answered, and by a double click, is done once', async () => {
  const id = await create('once more');
  const page = await pageOf(await newContext(), `/videos/${id}`, ROOT_KEY);
  const again = page.getByRole('button', { name: 'Again', exact: true });
  const held = await holdChanges(page);
  await again.click();
  await again.click();
  held.release();
  await page.waitForURL((url) => url.pathname.includes('/videos/video_') && !url.pathname.includes(id));
  await again.dblclick();
  await page.getByRole('link', { name: 'Videos', exact: true }).first().click();
  await page.locator('[data-row]').first().waitFor();
  expect(held.asked.filter((url) => url.endsWith('/again'))).toHaveLength(2);
  expect(await page.getByRole('link', { name: 'once more' }).count()).toBe(3);
});

test('a change whose answer was lost is the same one when it is asked for again', async () => {
  const id = await create('lost');
  const page = await pageOf(await newContext(), `/videos/${id}`, ROOT_KEY);
  await page.route(/again$/, async (route) => {
    await route.fetch();
    await route.abort();
  });
  await page.getByRole('button', { name: 'Again', exact: true }).click();
  await page.getByText('the gateway cannot be reached').waitFor();
  await page.unroute(/again$/);
  await page.getByRole('button', { name: 'Again', exact: true }).click();
  await page.waitForURL((url) => url.pathname.includes('/videos/video_') && !url.pathname.includes(id));
  const { videos } = await gateway.gateway.list({ callerId: null, limit: 3 });
  expect(videos.filter(({ request }) => request.prompt === 'lost')).toHaveLength(2);
});

test('over plain HTTP, where browsers lend pages less, videos are made as well', async () => {
  const host = origin.replace('127.0.0.1', 'studio.example');
  const page = await pageOf(await newContext(), '/new', ROOT_KEY, host);
  expect(await page.evaluate('isSecureContext')).toBe(false);
  await page.getByLabel('Prompt').fill('made in a house network');
  await page.locator('.price .big', { hasText: '$' }).waitFor();
  await page.getByRole('button', { name: 'Make the video' }).click();
  await page.waitForURL('**/console/videos/video_*');
});

test("root's money is that of all callers, as are its ledger and its videos", async () => {
  const { key } = await gateway.administration.createCaller({ name: 'who spends' });
  await create('of somebody else', key);
  const callers = await gateway.administration.listCallers();
  const heldMicroUsd = callers.reduce((sum, caller) => sum + caller.heldMicroUsd, 0);
  const page = await pageOf(await newContext(), '/money', ROOT_KEY);
  const figure = page.locator('.figure', { hasText: 'Held' });
  expect(await figure.locator('strong').textContent()).toBe(`$${(heldMicroUsd / 1_000_000).toFixed(2)}`);
});

test('a form is as it was left for who comes back to it, and its fields can be emptied', async () => {
  const page = await pageOf(await newContext(), '/new', ROOT_KEY);
  await page.getByLabel('Prompt').fill('written at length');
  await page.getByLabel('How many').press('Backspace');
  expect(await page.getByLabel('How many').inputValue()).toBe('');
  await page.getByText('1 to 16 at once.').waitFor();
  await page.getByLabel('How many').pressSequentially('5');
  await page.getByRole('button', { name: 'Make 5 videos' }).waitFor();
  await page.getByRole('link', { name: 'Money' }).click();
  await page.getByRole('heading', { level: 1, name: 'Money' }).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'Make 5 videos' }).waitFor();
  expect(await page.getByLabel('Prompt').inputValue()).toBe('written at length');
});

test('a page that is not shown gives its connection back, and reads again what it missed as soon as it is shown', async () => {
  const page = await (await newContext()).newPage();
  await page.clock.install();
  await page.goto(`${origin}/console/videos`);
  await page.getByLabel('API key').fill(ROOT_KEY);
  await page.keyboard.press('Enter');
  const live = page.locator('.live');
  await live.and(page.getByText('Live', { exact: true })).waitFor();
  const show = (isHidden: boolean) =>
    page.evaluate(`
      Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
      document.dispatchEvent(new Event('visibilitychange'));
    `);
  await show(true);
  expect(await live.textContent()).toBe('Live');
  await page.clock.fastForward(60_000);
  await live.and(page.getByText('Connecting…')).waitFor();
  await create('made behind its back');
  await show(false);
  await live.and(page.getByText('Live', { exact: true })).waitFor();
  await page.getByRole('link', { name: 'made behind its back' }).waitFor();
});
