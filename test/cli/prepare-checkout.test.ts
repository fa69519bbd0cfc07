/** Preparing a checkout: a lockfile that can be installed; compiling only what is newer, one process at a time, whole. */

import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CHECKOUT = resolve(__dirname, '../..');
const SCRIPT = pathToFileURL(join(CHECKOUT, 'bin/prepare-checkout.js')).href;
const COMPILER = join(CHECKOUT, 'node_modules/typescript');
const OPTIONS = { rootDir: '.', outDir: 'dist', module: 'nodenext', target: 'es2022', types: [] };

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-checkout-'));
  mkdirSync(join(root, 'src'));
  mkdirSync(join(root, 'node_modules'));
  // The compiler alone, beside an installation that the lockfile asks no more of.
  symlinkSync(COMPILER, join(root, 'node_modules/typescript'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(join(root, 'node_modules/.package-lock.json'), '{}');
  writeFileSync(join(root, 'tsconfig.build.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['src'] }));
  writeFileSync(join(root, 'src/main.ts'), 'export const value: number = 1;\n');
  mkdirSync(join(root, 'bin'));
  writeFileSync(
    join(root, 'bin/bundle-workflows.js'),
    "import { writeFileSync } from 'node:fs'; writeFileSync(process.argv[2] + '/bundled', '');",
  );
});

afterEach(() => rmSync(root, { recursive: true }));

const prepare = () => {
  const call = `import { prepareCheckout } from ${JSON.stringify(SCRIPT)}; prepareCheckout(process.argv[1]);`;
  return run(process.execPath, ['--input-type=module', '-e', call, root]);
};
/** One that loses its turn on the processor, for so long, each time that it is about to remove a lock. */
const prepareHaltingly = (haltMs: number) => {
  const call = `import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { rmSync } = fs;
    fs.rmSync = (path, options) => {
      if (path.endsWith('.prepare-lock')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${haltMs});
      rmSync(path, options);
    };
    syncBuiltinESMExports();
    const { prepareCheckout } = await import(${JSON.stringify(SCRIPT)});
    prepareCheckout(process.argv[1]);`;
  return run(process.execPath, ['--input-type=module', '-e', call, root]);
};
/** A lock whose owner was killed. */
async function leaveLock(): Promise<void> {
  mkdirSync(join(root, '.prepare-lock'));
  const { pid } = await new Promise<{ pid: number }>((done) => {
    const child = execFile(process.execPath, ['-e', ''], () => done({ pid: child.pid ?? 0 }));
  });
  writeFileSync(join(root, '.prepare-lock/pid'), String(pid));
}
const compiled = () => readFileSync(join(root, 'dist/src/main.js'), 'utf8');
const stamp = () => readFileSync(join(root, 'dist/.built-stamp'), 'utf8');

describe('preparing a checkout', () => {
  test('sources are compiled and bundled once and not again, and standard error says so', async () => {
    expect((await prepare()).stderr).toBe('Compiling…\n');
    const first = stamp();
    expect(compiled()).toContain('value = 1');
    expect(existsSync(join(root, 'dist/bundled'))).toBe(true);
    expect((await prepare()).stderr).toBe('');
    expect(stamp()).toBe(first);
  });

  test('a changed source is compiled', async () => {
    await prepare();
    writeFileSync(join(root, 'src/main.ts'), 'export const value: number = 2;\n');
    const soon = new Date(Date.now() + 1_000);
    utimesSync(join(root, 'src/main.ts'), soon, soon);
    await prepare();
    expect(compiled()).toContain('value = 2');
  });

  test('processes that start together do not disturb each other', async () => {
    await Promise.all([prepare(), prepare(), prepare()]);
    expect(compiled()).toContain('value = 1');
    expect(readdirSync(root).filter((name) => /^\.(dist|prepare)/.test(name))).toEqual([]);
  });

  test('the lock of a dead process is taken over', async () => {
    await leaveLock();
    await prepare();
    expect(compiled()).toContain('value = 1');
  });

  test('the lock of a dead process is taken over by one of those that find it', async () => {
    // Two that compile at once remove each other's folders, and one of them fails.
    const halt = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);';
    writeFileSync(
      join(root, 'bin/bundle-workflows.js'),
      `import { writeFileSync } from 'node:fs'; ${halt} writeFileSync(process.argv[2] + '/bundled', '');`,
    );
    await leaveLock();
    await Promise.all([prepareHaltingly(1500), prepareHaltingly(2500)]);
    expect(compiled()).toContain('value = 1');
    expect(readdirSync(root).filter((name) => /^\.(dist|prepare)/.test(name))).toEqual([]);
  });

  test('what a killed compilation left is removed', async () => {
    for (const name of ['.dist-1', '.dist-old-1']) mkdirSync(join(root, name, 'src'), { recursive: true });
    await prepare();
    expect(readdirSync(root).filter((name) => name.startsWith('.dist'))).toEqual([]);
    expect(compiled()).toContain('value = 1');
  });

  test('a failed compilation leaves the last build', async () => {
    await prepare();
    writeFileSync(join(root, 'src/main.ts'), 'export const value: number = "no";\n');
    const soon = new Date(Date.now() + 1_000);
    utimesSync(join(root, 'src/main.ts'), soon, soon);
    await expect(prepare()).rejects.toThrow();
    expect(compiled()).toContain('value = 1');
  });

  test('linked packages of another checkout are left alone', async () => {
    const packages = mkdtempSync(join(tmpdir(), 'clipyard-packages-'));
    symlinkSync(COMPILER, join(packages, 'typescript'));
    rmSync(join(root, 'node_modules'), { recursive: true });
    symlinkSync(packages, join(root, 'node_modules'));
    await prepare();
    expect(existsSync(join(packages, 'typescript'))).toBe(true);
    expect(readdirSync(packages)).toEqual(['typescript']);
    rmSync(packages, { recursive: true });
  });

  test('an image without sources is left as it is', async () => {
    rmSync(join(root, 'tsconfig.build.json'));
    await prepare();
    expect(existsSync(join(root, 'dist'))).toBe(false);
  });
});

describe('the committed lockfile', () => {
  const lockfile = readFileSync(join(CHECKOUT, 'package-lock.json'), 'utf8');

  test('is complete: a clean installation takes it, on every platform', async () => {
    // Beside no packages, since a clean installation begins with none.
    rmSync(join(root, 'node_modules'), { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(CHECKOUT, name), join(root, name));
    await run('npm', ['ci', '--dry-run', '--no-audit', '--no-fund'], { cwd: root });
    for (const platform of ['darwin-arm64', 'win32-x64', 'linux-x64-musl']) {
      expect(lockfile).toContain(`"node_modules/@biomejs/cli-${platform}"`);
    }
  });

  test('names no host from which packages come', () => {
    expect(lockfile).not.toContain('"resolved"');
  });
});
