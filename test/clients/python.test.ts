/** The Python of the client tests: what is said where there is none. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPython } from './python.ts';

test('a machine without Python is told what to install', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'clipyard-no-python-'));
  const { PATH, XDG_CACHE_HOME } = process.env;
  Object.assign(process.env, { PATH: empty, XDG_CACHE_HOME: empty });
  try {
    await expect(findPython()).rejects.toThrow('apt-get install python3-venv');
  } finally {
    process.env['PATH'] = PATH;
    if (XDG_CACHE_HOME === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = XDG_CACHE_HOME;
    rmSync(empty, { recursive: true, force: true });
  }
});
