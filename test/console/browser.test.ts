/** The console in a real browser, before a whole Clipyard: what people do with it, who is refused, and that all can use it. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { source as axeSource } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { DIALECTS } from '../../console/view/curl.ts';
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

async function newContext(colorScheme: 'light' | 'dark' = 'light', of = browser): Promise<BrowserContext> {
  const made = await of.newContext({ colorScheme, viewport: { width: 1280, height: 860 } });
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
  await opened.getByLabel('API key').and(opened.locator(':focus')).waitFor();
  await opened.keyboard.type(key);
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
  // One video stays in doubt, with a slot: root is asked what became of it.
  const account = { maxConcurrentTasks: 5, list: false, lostAnswerHoldMs: 3_600_000 };
  stack = await startStack({ consoleFolder: compiled.folder, trustedHosts: [receiverHost], account });
  await stack.faults([{ kind: 'lost_create_answer', answer: 'reset', recorded: 'never', count: 1 }]);
  const doubted = await stack.create({ prompt: 'one whose answer was lost' });
  await stack.until(doubted, ({ state }) => state === 'unconfirmed');
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

/** Where the clip has come to, when it has played for a moment. */
const PLAYED = `new Promise((resolve) => {
  const player = document.querySelector('.player video');
  player.ontimeupdate = () => player.currentTime > 0.2 && resolve(player.currentTime);
})`;

/** What has the focus: its text, or the name of its field. */
const FOCUSED = 'document.activeElement.innerText || document.activeElement.name';
const IS_IN_DIALOG = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null";

/** What has the focus, and whether that is to be seen: within the window, with an outline around it or its label. */
const FOCUS = `(() => {
  const focused = document.activeElement;
  const isOutlined = (each) =>
    [null, '::after'].some((part) => getComputedStyle(each, part).outlineStyle === 'solid');
  const isSeen = [focused, focused.closest('label')].some((each) => {
    if (each === null || !isOutlined(each)) return false;
    const { top, bottom, width } = each.getBoundingClientRect();
    return width > 1 && bottom > 0 && top < innerHeight;
  });
  return { of: focused.outerHTML.slice(0, 100), isSeen };
})()`;

/** No screen has as many controls before any of its own. */
const MOST_STEPS = 60;

/** Goes on by Tab until it is reached; the focus is to be seen at each step. */
async function tabTo(target: Locator, key = 'Tab'): Promise<void> {
  await target.waitFor();
  const focused = target.and(page.locator(':focus'));
  for (let steps = 0; steps < MOST_STEPS && (await focused.count()) === 0; steps++) {
    await page.keyboard.press(key);
    expect(await page.evaluate(FOCUS)).toMatchObject({ isSeen: true });
  }
  expect(await focused.count()).toBe(1);
}

async function press(target: Locator, key = 'Enter'): Promise<void> {
  await tabTo(target);
  await page.keyboard.press(key);
}

const button = (name: string) => page.getByRole('button', { name, exact: true });

/** Goes to a screen by its letter. */
async function goTo(letter: string): Promise<void> {
  await page.keyboard.press('g');
  await page.keyboard.press(letter);
}

/** Resolves when what had the focus is gone and the screen's content has it. */
const contentHasFocus = () => page.locator('main:focus').waitFor();

/** What a file that is dropped brings along. */
const droppedFile = (name: string, text: string) => `(() => {
  const data = new DataTransfer();
  data.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
  return data;
})()`;

/** Fills the form for a new video, field by field, and waits for its price. */
async function fillForm(prompt: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  await page.keyboard.press('n');
  for (const [name, text] of Object.entries({ Prompt: prompt, Model: 'sandbox-mini', Seconds: '1', ...more })) {
    await tabTo(page.getByLabel(new RegExp(`^${name}`)));
    await page.keyboard.type(text);
  }
  await page.locator('.price .big', { hasText: '$' }).waitFor();
}

/** Makes a video by the form; its id. */
async function makeVideo(prompt: string): Promise<string> {
  await fillForm(prompt);
  await press(button('Make the video'));
  await page.waitForURL('**/console/videos/video_*');
  return page.url().split('/').at(-1) ?? '';
}

test('a video is made, watched to its end, played, made again, cancelled and paid, by keys alone', async () => {
  await contentHasFocus();
  const id = await makeVideo('a red fox in the snow');
  await badge('Completed').waitFor();
  await page.locator('.player video').waitFor();
  const seconds = page.evaluate<number>(PLAYED);
  await page.keyboard.press(' ');
  expect(await seconds).toBeGreaterThan(0.2);
  await page.getByText('charged at the end').waitFor();
  expect(await page.locator('.life-mark').count()).toBeGreaterThan(0);

  await stack.faults([{ kind: 'slow', factor: 1000, count: 1 }]);
  await press(button('Again'));
  await page.waitForURL((url) => url.pathname.includes('/videos/video_') && !url.pathname.includes(id));
  await badge('Generating').waitFor();
  await press(button('Cancel'));
  await press(button('Cancel 1'));
  await badge('Cancelled').waitFor();
  await contentHasFocus();

  await goTo('m');
  await page.getByRole('cell', { name: 'Charged' }).first().waitFor();
  expect(await page.getByText('Spent', { exact: true }).count()).toBe(1);
});

test('several seeds are made at once, and shown side by side', async () => {
  await fillForm('the same words', { Seed: '7', 'How many': '2' });
  await press(button('Make 2 videos'));
  await page.waitForURL('**/console/compare?ids=video_*');
  await page.getByRole('link', { name: 'Seed 8' }).waitFor();
  expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual(['Seed 7', 'Seed 8']);
});

test.each(Object.entries(DIALECTS))(
  'the command that is shown for %s is accepted',
  async (_, { path, headers, body }) => {
    const { videos } = await stack.gateway.list({ callerId: null, limit: 1 });
    const request = videos[0]?.request as Parameters<typeof body>[0];
    const sent = { authorization: `Bearer ${ROOT_KEY}`, ...headers?.(request) };
    const answer = await stack.app.inject({ method: 'POST', url: path, headers: sent, payload: body(request) });
    expect([answer.statusCode < 300, answer.body]).toEqual([true, expect.any(String)]);
  },
);

test('all is reached by keys alone, and what comes is shown without asking', async () => {
  await see('/videos');
  await press(page.getByRole('link', { name: 'To the content' }));
  await contentHasFocus();
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
  await noDialog();
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'made elsewhere' }).waitFor();
});

test('a manifest is dropped or chosen, looked at before anything is made, made, and joined to a film', async () => {
  const lines = [
    { model: 'sandbox-mini', prompt: 'the first scene', duration_seconds: 1 },
    { model: 'sandbox-mini', prompt: '' },
    { model: 'sandbox-mini', prompt: 'the second scene', duration_seconds: 1 },
  ];
  await goTo('b');
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const transfer = await page.evaluateHandle(droppedFile('scenes.jsonl', text));
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: transfer });
  await page.getByText('Line 2').waitFor();
  await press(button('Not now'));
  await contentHasFocus();

  const chooser = page.waitForEvent('filechooser');
  await press(page.getByLabel('Choose a manifest'));
  await (await chooser).setFiles({ name: 'scenes.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(text) });
  await page.getByText('Line 2').waitFor();
  await press(page.getByLabel('Leave these lines out'), ' ');
  await press(button('Make 2 videos'));
  await page.waitForURL('**/batches/batch_*');
  await badge('completed').waitFor();
  const cells = page.locator('.cells .state-completed');
  expect(await cells.count()).toBe(2);
  await tabTo(cells.first());
  await page.keyboard.press('ArrowRight');
  await cells.last().and(page.locator(':focus')).waitFor();
  await press(button('Join with cuts'));
  await page.locator('.film video').waitFor();
  await contentHasFocus();
});

/** Resolves when it is out of the page: one that is closed has no role any more, and still is in the way of another. */
const noDialog = () => page.locator('dialog').waitFor({ state: 'detached' });

test('an endpoint is made by keys alone, in dialogs that hold the focus and give it back, and told of a test', async () => {
  const { port } = receiver.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/hook`;
  await goTo('w');
  const dialog = page.getByRole('dialog');
  await press(button('New endpoint'));
  await dialog.waitFor();
  for (let steps = 0; steps < 20; steps++) {
    await page.keyboard.press('Tab');
    expect(await page.evaluate(IS_IN_DIALOG)).toBe(true);
  }
  await page.keyboard.press('Escape');
  await noDialog();
  expect(await page.evaluate(FOCUSED)).toBe('New endpoint');

  await page.keyboard.press('Enter');
  await dialog.locator('input:focus').waitFor();
  await page.keyboard.type(url);
  expect(await dialog.locator('input:focus').inputValue()).toBe(url);
  await page.keyboard.press('Enter');
  const secret = page.getByText(/^whsec_/);
  await secret.waitFor();
  // It is shown this once.
  for (let times = 0; times < 3; times++) await page.keyboard.press('Escape');
  expect(await secret.isVisible()).toBe(true);
  await press(button('I have it'));
  await noDialog();
  expect(await page.evaluate(FOCUSED)).toBe('New endpoint');
  await page.getByRole('link', { name: url }).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/webhooks/*');
  await press(button('Send a test'));
  await page.getByText('delivered').waitFor();
  await press(button('Send again'));
  await until(() => heard.length === 2);
  expect(new Set(heard).size).toBe(1);
  await tabTo(button('Show'), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByText('"video_test"').waitFor();
  await page.keyboard.press('Escape');
  await noDialog();
  expect(await page.evaluate(FOCUSED)).toBe('Show');
  await makeVideo('one that is told of');
  await page.getByRole('heading', { name: 'Webhooks told of its end' }).waitFor();
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
  await guest.getByLabel('API key').and(guest.locator(':focus')).waitFor();
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Of the whole page, or of what the selector names. */
async function violationsOf(shown: Page, selector = 'html'): Promise<readonly string[]> {
  await shown.evaluate(axeSource);
  const found = await shown.evaluate(
    async (within) =>
      (
        await (globalThis as unknown as { axe: { run(within: string): Promise<{ violations: Violation[] }> } }).axe.run(
          within,
        )
      ).violations,
    selector,
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}

/** The color of a dot of the page: red, green, blue. */
async function colorsAt(shown: Page, [x, y]: readonly [number, number]): Promise<readonly number[]> {
  const picture = await loadImage(await shown.screenshot({ animations: 'disabled' }));
  const drawn = createCanvas(picture.width, picture.height).getContext('2d');
  drawn.drawImage(picture, 0, 0);
  return [...drawn.getImageData(x, y, 1, 1).data].slice(0, 3);
}

/** What opens dialogs on the first of each screen's things. */
const DIALOGS: Readonly<Record<string, readonly string[]>> = {
  '/videos': ['Make again 1'],
  '/webhooks': ['New endpoint'],
  '/webhooks/…': ['New secret', 'Show'],
  '/accounts': ['Resolve'],
  '/callers': ['New caller', 'Credit'],
};

test.each(['light', 'dark'] as const)('every screen and dialog can be used by all, %s', async (colorScheme) => {
  const { videos } = await stack.gateway.list({ callerId: null, limit: 2 });
  const found: string[] = [];
  const shown = await signedIn(await newContext(colorScheme), ROOT_KEY);
  const open = async (place: string) => {
    await shown.goto(`${origin}/console${place}`);
    await shown.locator('.head, .empty').first().waitFor();
    await shown.locator('.loading').first().waitFor({ state: 'detached' });
  };
  const note = async (place: string, selector?: string) => {
    found.push(...(await violationsOf(shown, selector)).map((problem) => `${place} ${problem}`));
  };
  /** Closes it as well. */
  const noteDialog = async (name: string) => {
    await shown.locator('dialog').waitFor();
    await shown.locator('dialog .loading').waitFor({ state: 'detached' });
    await note(name, 'dialog');
    const taken = shown.getByRole('button', { name: /^I have/ });
    if (await taken.isVisible()) await taken.click();
    else await shown.keyboard.press('Escape');
    await shown.locator('dialog').waitFor({ state: 'detached' });
  };
  /** The first of a screen's things. */
  const firstOf = async (place: string) => {
    await open(place);
    const link = shown.locator('[data-row] a, a[data-row]').first();
    return String(await link.getAttribute('href')).slice('/console'.length);
  };
  const [video, batch, endpoint] = [`/videos/${videos[0]?.id}`, await firstOf('/batches'), await firstOf('/webhooks')];
  const compared = `/compare?ids=${videos.map(({ id }) => id).join(',')}`;
  const places = ['/', '/videos', '/videos?view=gallery', video, compared, '/new', `/new?from=${videos[0]?.id}`, batch];
  for (const place of [...places, '/batches', '/webhooks', endpoint, '/money', '/accounts', '/callers', '/none']) {
    await open(place);
    await note(place);
    if (place === '/videos') await shown.getByRole('checkbox').first().check();
    for (const opener of DIALOGS[place === endpoint ? '/webhooks/…' : place] ?? []) {
      await shown.getByRole('button', { name: opener }).first().click();
      await noteDialog(`${place} ${opener}`);
    }
  }
  await open('/');
  await shown.keyboard.press('?');
  await noteDialog('help');
  await shown.getByRole('button', { name: 'Sign out' }).click();
  await shown.getByLabel('API key').waitFor();
  await note('signing in');
  expect(found).toEqual([]);
});

test('what cannot be read is not shown as nothing', async () => {
  const away = await newContext();
  await signedIn(away, ROOT_KEY).then((opened) => opened.close());
  // The console's other requests have to pass, the one for its session first of all.
  await away.route(/\/clipyard\/v1\/(?!session)/, (route) =>
    route.fulfill({ status: 429, contentType: 'application/problem+json', body: '{"detail":"too much"}' }),
  );
  const shown = await away.newPage();
  await shown.goto(`${origin}/console/`);
  await shown.getByText('That did not work.').first().waitFor();
  const figures = await shown.locator('.figure').allInnerTexts();
  expect(
    figures.map((text) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .slice(0, 2),
    ),
  ).toEqual(['In flight', 'Waiting', 'Spent today', 'Spent this month', 'Available'].map((name) => [name, '–']));
  expect(await shown.locator('main').textContent()).not.toMatch(/None|Nothing/);
  await shown.goto(`${origin}/console/videos`);
  await shown.getByText('That did not work.').waitFor();
  expect(await shown.locator('main').textContent()).not.toContain('0 videos');
  await away.close();
});

test('beside a dialog the gutter of the scrollbar is as dark as all else behind it', async () => {
  // By themselves headless browsers have no scrollbars.
  const own = await chromium.launch({
    executablePath: BROWSER,
    args: ['--no-sandbox'],
    ignoreDefaultArgs: ['--hide-scrollbars'],
  });
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const shown = await signedIn(await newContext(colorScheme, own), ROOT_KEY);
      await shown.goto(`${origin}/console/callers`);
      await shown.locator('.head, .empty').first().waitFor();
      await shown.keyboard.press('?');
      await shown.locator('dialog').waitFor();
      const [gutter, page] = [await colorsAt(shown, [1279, 800]), await colorsAt(shown, [1255, 800])];
      expect(gutter.map((part, at) => Math.abs(part - (page[at] ?? 0)) <= 2)).toEqual([true, true, true]);
    }
  } finally {
    await own.close();
  }
});

test('nothing was asked of any other host, and no browser complained', () => {
  expect([...origins]).toEqual([origin]);
  expect(complaints).toEqual([]);
});
