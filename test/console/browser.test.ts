/** The console in a real browser, before a whole Clipyard: what people do with it, who is refused, and that all can use it. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { source as axeSource } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { ROOT_KEY, type Stack, startStack } from '../stack.ts';
import { compileConsole } from './compiled.ts';

/** As the tests' configuration found it. */
const { CLIPYARD_TEST_BROWSER: BROWSER = '' } = process.env;
const PATIENCE_MS = 60_000;

let stack: Stack;
let compiled: ReturnType<typeof compileConsole>;
let browser: Browser;
let receiver: Server;
const heard: string[] = [];
let origin: string;
/** Of the page that root is signed in with. */
let context: BrowserContext;
let page: Page;
/** Where requests of any page went, and what browsers complained of. */
const origins = new Set<string>();
const complaints: string[] = [];

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function newContext(colorScheme: 'light' | 'dark' = 'light'): Promise<BrowserContext> {
  const made = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 860 } });
  made.setDefaultTimeout(PATIENCE_MS);
  made.on('request', (request) => {
    const url = new URL(request.url());
    // Pictures that the page makes by itself.
    if (url.protocol !== 'blob:') origins.add(url.origin);
  });
  made.on('console', (message) => {
    // What is refused on purpose is an error to the browser.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  made.on('weberror', (error) => complaints.push(error.error().message));
  return made;
}

/** A page that is signed in by typing a key. */
async function signedIn(of: BrowserContext, key: string): Promise<Page> {
  const opened = await of.newPage();
  await opened.goto(`${origin}/console/`);
  await opened.getByLabel('API key').fill(key);
  await opened.keyboard.press('Enter');
  await opened.getByRole('link', { name: 'Overview' }).waitFor();
  return opened;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo() && tries < 600; tries++) await wait(100);
}

const see = (path: string) => page.goto(`${origin}/console${path}`);
const badge = (word: string) => page.locator('.head .badge', { hasText: word });

beforeAll(async () => {
  compiled = compileConsole();
  receiver = createServer((request, response) => {
    heard.push(String(request.headers['webhook-id']));
    request.resume().on('end', () => response.end());
  });
  const receiverHost = await listening(receiver);
  stack = await startStack({ consoleFolder: compiled.folder, trustedHosts: [receiverHost] });
  origin = await stack.app.listen({ host: '127.0.0.1', port: 0 });
  browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
  context = await newContext();
  page = await signedIn(context, ROOT_KEY);
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await stack?.close();
  await new Promise((resolve) => receiver.close(resolve));
  compiled.remove();
});

/** Plays the clip for a moment; where it has come to. */
const PLAY = `(async () => {
  const player = document.querySelector('.player video');
  player.muted = true;
  await player.play();
  await new Promise((resolve) => { player.ontimeupdate = () => player.currentTime > 0.2 && resolve(); });
  return player.currentTime;
})()`;

/** What a file that is dropped brings along. */
const droppedFile = (name: string, text: string) => `(() => {
  const data = new DataTransfer();
  data.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
  return data;
})()`;

/** Makes a video by the form; its id. */
async function makeVideo(prompt: string): Promise<string> {
  await see('/new');
  await page.getByLabel('Prompt').fill(prompt);
  await page.getByLabel('Model').selectOption('sandbox-mini');
  await page.getByLabel('Seconds').fill('1');
  await page.locator('.price .big', { hasText: '$' }).waitFor();
  await page.getByRole('button', { name: 'Make the video' }).click();
  await page.waitForURL('**/console/videos/video_*');
  return page.url().split('/').at(-1) ?? '';
}

test('a video is made, watched to its end, played, made again, cancelled and paid', async () => {
  const id = await makeVideo('a red fox in the snow');
  await badge('Completed').waitFor();
  await page.locator('.player video').waitFor();
  const seconds = await page.evaluate<number>(PLAY);
  expect(seconds).toBeGreaterThan(0.2);
  await page.getByText('charged at the end').waitFor();

  await stack.faults([{ kind: 'slow', factor: 1000, count: 1 }]);
  await page.getByRole('button', { name: 'Again', exact: true }).click();
  await page.waitForURL((url) => url.pathname.includes('/videos/video_') && !url.pathname.includes(id));
  await badge('Generating').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel 1' }).click();
  await badge('Cancelled').waitFor();

  await see('/money');
  await page.getByRole('cell', { name: 'Charged' }).first().waitFor();
  expect(await page.getByText('Spent', { exact: true }).count()).toBe(1);
});

test('all is reached by keys alone, and what comes is shown without asking', async () => {
  await see('/videos');
  const rows = page.locator('[data-row]');
  await rows.first().waitFor();
  const before = await rows.count();
  await stack.create({ prompt: 'made elsewhere' });
  await page.getByRole('link', { name: 'made elsewhere' }).waitFor();
  expect(await rows.count()).toBe(before + 1);
  await page.keyboard.press('/');
  await page.keyboard.type('elsewhere');
  await page.waitForURL('**q=elsewhere');
  expect(await rows.count()).toBe(1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.getByText('1 chosen').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await rows.getByRole('link').first().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'made elsewhere' }).waitFor();
});

test('a manifest is looked at before anything is made, made, and joined to a film', async () => {
  const lines = [
    { model: 'sandbox-mini', prompt: 'the first scene', duration_seconds: 1 },
    { model: 'sandbox-mini', prompt: '' },
    { model: 'sandbox-mini', prompt: 'the second scene', duration_seconds: 1 },
  ];
  await see('/batches');
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const transfer = await page.evaluateHandle(droppedFile('scenes.jsonl', text));
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: transfer });
  await page.getByText('Line 2').waitFor();
  await page.getByLabel('Leave these lines out').check();
  await page.getByRole('button', { name: 'Make 2 videos' }).click();
  await page.waitForURL('**/batches/batch_*');
  await badge('completed').waitFor();
  expect(await page.locator('.cells .state-completed').count()).toBe(2);
  await page.getByRole('button', { name: 'Join with cuts' }).click();
  await page.locator('.film video').waitFor();
});

test('an endpoint is told of a test, and again', async () => {
  const { port } = receiver.address() as AddressInfo;
  await see('/webhooks');
  await page.getByRole('button', { name: 'New endpoint' }).click();
  await page.getByLabel('URL').fill(`http://127.0.0.1:${port}/hook`);
  await page.getByRole('button', { name: 'Make the endpoint' }).click();
  await page.getByText(/^whsec_/).waitFor();
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('link', { name: `http://127.0.0.1:${port}/hook` }).click();
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('delivered').waitFor();
  await page.getByRole('button', { name: 'Send again' }).click();
  await until(() => heard.length === 2);
  expect(new Set(heard).size).toBe(1);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('"video_test"').waitFor();
  await page.keyboard.press('Escape');
  await makeVideo('one that is told of');
  await page.getByRole('heading', { name: 'Told of its end' }).waitFor();
});

test("another caller's link is refused, and a link from the terminal signs in once", async () => {
  const id = await stack.create({ prompt: 'of root' });
  const { key } = await stack.administration.createCaller({ name: 'studio' });
  const foreign = await signedIn(await newContext(), key);
  await foreign.goto(`${origin}/console/videos/${id}`);
  await foreign.getByText('There is nothing here.').waitFor();
  expect(await foreign.getByRole('link', { name: 'Callers' }).count()).toBe(0);

  const code = stack.parts.signInCodes.issue('root');
  const guest = await (await newContext()).newPage();
  await guest.goto(`${origin}/console/#code=${code}`);
  await guest.getByRole('link', { name: 'Callers' }).waitFor();
  expect(guest.url()).toBe(`${origin}/console/`);
  await guest.getByRole('button', { name: 'Sign out' }).click();
  await guest.getByLabel('API key').waitFor();
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

async function violationsOf(shown: Page): Promise<readonly string[]> {
  await shown.evaluate(axeSource);
  const found = await shown.evaluate(
    async () =>
      (await (globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe.run()).violations,
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}

test.each(['light', 'dark'] as const)('every screen can be used by all, %s', async (colorScheme) => {
  const { videos } = await stack.gateway.list({ callerId: null, limit: 1 });
  const found: string[] = [];
  const shown = await signedIn(await newContext(colorScheme), ROOT_KEY);
  const places = ['/', '/videos', '/videos?view=gallery', `/videos/${videos[0]?.id}`, '/new', '/batches', '/webhooks'];
  for (const place of [...places, '/money', '/accounts', '/callers', '/none']) {
    await shown.goto(`${origin}/console${place}`);
    await shown.locator('.head, .empty').first().waitFor();
    await shown.locator('.loading').first().waitFor({ state: 'detached' });
    found.push(...(await violationsOf(shown)).map((problem) => `${place} ${problem}`));
  }
  await shown.getByRole('button', { name: 'Sign out' }).click();
  await shown.getByLabel('API key').waitFor();
  found.push(...(await violationsOf(shown)));
  expect(found).toEqual([]);
});

test('nothing was asked of any other host, and no browser complained', () => {
  expect([...origins]).toEqual([origin]);
  expect(complaints).toEqual([]);
});
