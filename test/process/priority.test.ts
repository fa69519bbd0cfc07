/** A priority that is lowered, and what is left as it is. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, getPriority, setPriority } from 'node:os';
import { lowerPriority } from '../../src/process/priority.ts';

const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

async function startIdle(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
  started.push(child);
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error('no process was started');
  return child.pid;
}

test('a process of the usual priority goes below it', async () => {
  const pid = await startIdle();
  lowerPriority(pid);
  expect(getPriority(pid)).toBe(PRIORITY_BELOW_NORMAL);
});

test('a process that an operator has put lower stays there', async () => {
  const pid = await startIdle();
  setPriority(pid, PRIORITY_LOW);
  lowerPriority(pid);
  expect(getPriority(pid)).toBe(PRIORITY_LOW);
});

test('a process that cannot be changed fails nothing', async () => {
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await once(child, 'exit');
  expect(() => lowerPriority(child.pid)).not.toThrow();
});
