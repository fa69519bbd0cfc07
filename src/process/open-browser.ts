/** Opens a page in the user's browser. */

import { spawn } from 'node:child_process';

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  // `start` takes a first text in quotes for a window's title.
  win32: ['cmd', '/c', 'start', '""'],
};

/** Without waiting for it; where there is no such program nothing is opened. */
export function openBrowser(url: string): void {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const opened = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  opened.on('error', () => undefined);
  opened.unref();
}
