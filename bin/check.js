#!/usr/bin/env node
// Runs everything that is checked before the tests, all of it even when something fails, and sums it up.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDependencies } from './prepare-checkout.js';

installDependencies();
const root = fileURLToPath(new URL('..', import.meta.url));
const nodeOptions = [process.env.NODE_OPTIONS, '--experimental-vm-modules', '--no-warnings'].filter(Boolean).join(' ');

const LONG_FILE_LINES = 350;

const CHECKS = [
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '.']],
  ['types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['types of the console', ['node_modules/typescript/bin/tsc', '-p', 'console/tsconfig.json', '--noEmit']],
  ['architecture', ['node_modules/jest/bin/jest.js', 'test/architecture.test.ts']],
  ['contract', ['node_modules/jest/bin/jest.js', 'test/contract/contract.test.ts']],
  ['documents', ['node_modules/jest/bin/jest.js', 'test/documents.test.ts']],
  ['dead code', ['node_modules/knip/bin/knip.js']],
];

const results = CHECKS.map(([name, args]) => {
  process.stdout.write(`\n--- ${name}\n`);
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: nodeOptions, CLIPYARD_SOURCES_ONLY: '1' },
  });
  return [name, status === 0];
});

/** Product files of more lines than a reader can hold: no failure, since a ceiling that fails becomes the architect. */
function longFiles() {
  const { stdout } = spawnSync('git', ['ls-files', 'src', 'workflows', 'activities'], { cwd: root, encoding: 'utf8' });
  const paths = stdout.split('\n').filter((path) => path.endsWith('.ts'));
  return paths
    .map((path) => [path, readFileSync(join(root, path), 'utf8').split('\n').length - 1])
    .filter(([, lines]) => lines > LONG_FILE_LINES);
}

for (const [path, lines] of longFiles()) process.stdout.write(`\nnote: ${path} has ${lines} lines`);
process.stdout.write(`\n${results.map(([name, passed]) => `${passed ? 'ok    ' : 'FAILED'} ${name}`).join('\n')}\n`);
process.exit(results.every(([, passed]) => passed) ? 0 : 1);
