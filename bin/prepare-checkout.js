// Brings a checkout to where its programs can run: dependencies installed, TypeScript compiled. Does nothing in an image.
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program with its output on stderr, so that stdout stays the command's own. */
function run(program, args) {
  execFileSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] });
}

function modifiedMs(path) {
  return existsSync(`${root}${path}`) ? statSync(`${root}${path}`).mtimeMs : 0;
}

/** Installs when the lockfile is newer than what is installed. */
export function installDependencies() {
  if (modifiedMs('node_modules/.package-lock.json') >= modifiedMs('package-lock.json')) return;
  process.stderr.write('Installing dependencies (about a minute)…\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** Installs and compiles; the compiler takes well under a second, so it always runs where the sources are. */
export function prepareCheckout() {
  if (!existsSync(`${root}tsconfig.build.json`)) return;
  installDependencies();
  run('node', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
}
