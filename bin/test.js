#!/usr/bin/env node
// Runs the tests: installs what a fresh checkout lacks, then jest with the arguments given; its exit code is ours.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { installDependencies } from './prepare-checkout.js';

installDependencies();
const root = fileURLToPath(new URL('..', import.meta.url));
const nodeOptions = [process.env.NODE_OPTIONS, '--experimental-vm-modules', '--no-warnings'].filter(Boolean).join(' ');
const { status } = spawnSync(process.execPath, ['node_modules/jest/bin/jest.js', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_OPTIONS: nodeOptions },
});
process.exit(status ?? 1);
