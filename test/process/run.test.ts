/** How a process ends that met a defect, and how it goes on when nothing reads what it prints any more. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { lockDataDir } from '../../src/catalog/driver/lock.ts';
import { commandsIn } from '../client/run-cli.ts';
import { compile } from '../system/clipyard-process.ts';

const RUN = pathToFileURL(join(__dirname, '../../dist/src/process/run.js')).href;

beforeAll(() => compile(), 300_000);

/** A process that opens one part, says on standard error when it has closed it, and does this. */
function run(command: string): ChildProcess {
  const program = `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { runProcess } from '${RUN}';
    await runProcess({ level: 'silent' }, async ({ closers }) => {
      closers.add('part', async () => {
        await sleep(50);
        process.stderr.write('closed\\n');
      });
      ${command}
    });`;
  const args = ['--input-type=module', '--eval', program];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function end({ stderr }: ChildProcess, exit: Promise<unknown[]>) {
  const [said, [code]] = await Promise.all([stderr && text(stderr), exit]);
  return { said, code };
}

test.each([
  ['thrown', "setImmediate(() => { throw new Error('a defect'); });"],
  ['a rejection', "void Promise.reject(new Error('a defect'));"],
])('a defect that is not caught, %s, closes what was opened and ends the process', async (_name, defect) => {
  const child = run(`${defect} await sleep(60_000);`);
  expect(await end(child, once(child, 'exit'))).toEqual({ said: 'closed\n', code: 1 });
});

test('a reader that leaves ends nothing', async () => {
  const child = run(`
    process.stdout.write('the first line\\n');
    for (let lines = 0; lines < 20; lines++) {
      await sleep(50);
      process.stdout.write('a line that is not read\\n');
    }
    process.stderr.write('went on\\n');`);
  const exit = once(child, 'exit');
  child.stdout?.once('data', () => child.stdout?.destroy());
  expect(await end(child, exit)).toEqual({ said: 'went on\nclosed\n', code: 0 });
});

describe('what another process has', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'clipyard-run-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('a data directory in use is told in one line', async () => {
    const lock = await lockDataDir(folder);
    const { exitCode, stderr } = await commandsIn(folder, { CLIPYARD_DATA_DIR: folder })('migrate');
    await lock.release();
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^clipyard: .+ is in use by process \d+; .+\n$/)]);
  });

  /** What the command says and ends with where a port is taken. */
  async function atTakenPort(command: (port: string) => ReturnType<ReturnType<typeof commandsIn>>) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ended = await command(String(port));
    server.close();
    return { port, ...ended };
  }

  test("a gateway's port that is taken is told, and nothing fails of what was coming up behind it", async () => {
    const { port, exitCode, stderr } = await atTakenPort((taken) =>
      commandsIn(folder, { CLIPYARD_DATA_DIR: folder, CLIPYARD_PORT: taken })('up'),
    );
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`clipyard: CLIPYARD_PORT ${port} of 127.0.0.1 is`)]);
    expect(stderr).not.toMatch(/"level":[456]0/);
  });

  test("a port of the sandbox's that is taken is told in one line", async () => {
    const { port, exitCode, stderr } = await atTakenPort((taken) => commandsIn(folder, {})('sandbox', '--port', taken));
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`clipyard: --port ${port} of 127.0.0.1 is taken`)]);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });
});
