// Brings a checkout to where its programs can run: dependencies installed, TypeScript compiled. Does nothing in an image.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLER = 'bin/bundle-workflows.js';
/** Of what runs in browsers. */
const CONSOLE_PROJECT = 'console/tsconfig.json';
/** Everything that is compiled, and what says how. */
const SOURCES = [
  'src',
  'workflows',
  'activities',
  'bench',
  'scripts',
  'console',
  BUNDLER,
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
];
const LOCK_WAIT_MS = 100;

/** Runs a program with its output on stderr, so that stdout stays the command's own. */
function run(root, program, args) {
  execFileSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] });
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** When the newest file at or below the path was changed; folders count, for a file that went changes them. */
function newestMs(path) {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return modifiedMs(path);
  const below = readdirSync(path).map((name) => newestMs(join(path, name)));
  return Math.max(modifiedMs(path), ...below);
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Whether it has been there for so long that who made it is gone. */
function isOld(path) {
  const madeMs = modifiedMs(path);
  return madeMs > 0 && Date.now() - madeMs > 10_000;
}

/** Whether the lock's owner is gone; a lock without one is being made this moment, unless it has been so for long. */
function isStale(lock) {
  try {
    return !isRunning(Number(readFileSync(join(lock, 'pid'), 'utf8')));
  } catch {
    return isOld(lock);
  }
}

/** Removes a lock whose owner is gone, one process at a time: what another has taken meanwhile is not stale any more. */
function removeStale(lock) {
  const turn = `${lock}-turn`;
  try {
    mkdirSync(turn);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isOld(turn)) rmSync(turn, { recursive: true, force: true });
    return sleep(LOCK_WAIT_MS);
  }
  try {
    if (isStale(lock)) rmSync(lock, { recursive: true, force: true });
  } finally {
    rmSync(turn, { recursive: true, force: true });
  }
}

function sleep(forMs) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

/** Takes the lock, waits for who has it, and takes it over from one that died. */
function takeLock(lock) {
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale(lock)) removeStale(lock);
    else sleep(LOCK_WAIT_MS);
  }
}

/** Processes that start together prepare one after the other; the later ones find everything done. */
function withLock(root, work) {
  const lock = join(root, '.prepare-lock');
  takeLock(lock);
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** Which lockfile an installation was made from; times alone mislead after a copy. */
const INSTALLED_FROM = 'node_modules/.installed-from';

function lockfileHash(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function isInstalled(root) {
  // A link leads to the packages of another checkout, which are not ours to replace.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) return true;
  const stamp = join(root, INSTALLED_FROM);
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === lockfileHash(root);
  return modifiedMs(join(root, 'node_modules/.package-lock.json')) >= modifiedMs(join(root, 'package-lock.json'));
}

/** Installs when what is installed is not what the lockfile says. */
function installWhereNeeded(root) {
  if (isInstalled(root)) return;
  process.stderr.write('Installing dependencies (about a minute)…\n');
  run(root, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(join(root, INSTALLED_FROM), lockfileHash(root));
}

/** How the folders are called that hold a build until it is whole, and the one that it replaces. */
const UNFINISHED = '.dist-';

/** Compiles beside `dist` and puts it there in one step: programs that run keep the files they were started from. */
function compile(root) {
  const startedAt = new Date();
  // Whoever holds the lock compiles alone: these are of processes that were killed.
  for (const name of readdirSync(root)) {
    if (name.startsWith(UNFINISHED)) rmSync(join(root, name), { recursive: true, force: true });
  }
  const unfinished = join(root, `${UNFINISHED}${process.pid}`);
  const replaced = join(root, `${UNFINISHED}old-${process.pid}`);
  try {
    const compileProject = (project, outDir) =>
      run(root, 'node', ['node_modules/typescript/bin/tsc', '-p', project, '--outDir', outDir]);
    compileProject('tsconfig.build.json', unfinished);
    if (existsSync(join(root, CONSOLE_PROJECT))) compileProject(CONSOLE_PROJECT, join(unfinished, 'browser'));
    run(root, 'node', [BUNDLER, unfinished]);
    // The time of the start: what was saved while the compiler ran is compiled the next time.
    writeFileSync(join(unfinished, '.built-stamp'), startedAt.toISOString());
    if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), replaced);
    renameSync(unfinished, join(root, 'dist'));
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
    rmSync(replaced, { recursive: true, force: true });
  }
}

function builtAtMs(root) {
  const stamp = join(root, 'dist', '.built-stamp');
  return existsSync(stamp) ? Date.parse(readFileSync(stamp, 'utf8')) : 0;
}

function isCompiled(root) {
  return Math.max(...SOURCES.map((name) => newestMs(join(root, name)))) < builtAtMs(root);
}

/** Installs alone: for programs that read the sources themselves. */
export function installDependencies(root = CHECKOUT) {
  withLock(root, () => installWhereNeeded(root));
}

/** Installs and compiles what is newer than the last build. */
export function prepareCheckout(root = CHECKOUT) {
  if (!existsSync(join(root, 'tsconfig.build.json'))) return;
  withLock(root, () => {
    installWhereNeeded(root);
    if (isCompiled(root)) return;
    process.stderr.write('Compiling…\n');
    compile(root);
  });
}
