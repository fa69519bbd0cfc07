/** `clipyard upstreams`: what is shipped, and the check of a description of one's own. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram } from '../../src/cli/program.ts';
import { shippedDescriptions } from '../../src/config/descriptions.ts';
import { EXAMPLE_ANSWERS, EXAMPLE_YAML } from '../documented-example.ts';
import { readProjectFile } from '../source-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'upstreams-'));
const at = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

/** What a command prints, and the code that it would exit with. */
async function run(...args: string[]) {
  const printed = { out: '', err: '' };
  const out = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.out += text;
    return true;
  });
  const err = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed.err += text;
    return true;
  });
  process.exitCode = 0;
  await buildProgram().parseAsync(['node', 'clipyard', 'upstreams', ...args]);
  out.mockRestore();
  err.mockRestore();
  const exitCode = process.exitCode;
  process.exitCode = 0;
  return { ...printed, exitCode };
}

test('lists those that are shipped, with what each can', async () => {
  const { out, exitCode } = await run('list', '--json');
  const { items } = JSON.parse(out);
  expect(items.map(({ name }: { name: string }) => name)).toEqual(shippedDescriptions());
  expect(items).toContainEqual({
    name: 'vllm-omni',
    title: 'vLLM-Omni 0.30, self-hosted',
    baseUrl: 'http://HOST:8091',
    abilities: {
      images: 1,
      imagesBy: 'file',
      cancels: true,
      lists: true,
      honoursKey: false,
      tellsCost: false,
      lostAnswer: 'adopt',
    },
  });
  expect(exitCode).toBe(0);
  expect((await run()).out).toMatch(/^name +API +images +cancel +list +key +cost +lost answer\nfal /);
});

test('shows one as its file has it', async () => {
  expect((await run('show', 'fal')).out).toBe(`${readProjectFile('upstreams/fal.yaml').trimEnd()}\n`);
  expect(JSON.parse((await run('show', 'fal', '--json')).out)).toMatchObject({
    name: 'fal',
    cancel: { method: 'PUT' },
  });
  expect(await run('show', 'repliate')).toMatchObject({
    err: expect.stringContaining('repliate is no description; did you mean replicate?'),
    exitCode: 1,
  });
});

describe('the check', () => {
  const file = at('kinora.yaml', EXAMPLE_YAML);

  test('passes the example of the documentation', async () => {
    expect(await run('check', file)).toEqual({
      out: `${file} is the description kinora; no recorded answers were given\n`,
      err: '',
      exitCode: 0,
    });
    const answers = at('answers.json', EXAMPLE_ANSWERS);
    const { out, exitCode } = await run('check', file, '--answers', answers);
    expect(out).toContain('ok     create 2: answered 200\n');
    expect(out).toMatch(/is the description kinora; 5 of 5 as recorded\n$/);
    expect(exitCode).toBe(0);
  });

  test('says which recorded answer is read as something else', async () => {
    at('kinora.answers.json', EXAMPLE_ANSWERS.replace('"progress": 40', '"progress": 41'));
    const { out, exitCode } = await run('check', file, '--json');
    const { answers, problems } = JSON.parse(out);
    expect(problems).toEqual([]);
    expect(answers.filter(({ problem }: { problem: string | null }) => problem !== null)).toEqual([
      { name: 'poll 1: answered 200', problem: 'progress is 40 and not 41' },
    ]);
    expect(exitCode).toBe(1);
  });

  test('names each mistake with its place', async () => {
    const broken = at('broken.yaml', EXAMPLE_YAML.replace('$prompt', '$promt').replace('[baked]', '[]'));
    const { out, exitCode } = await run('check', broken);
    expect(out).toContain(`${broken}:8:5: create.fields.text has $promt, and can have $prompt`);
    expect(out).toContain(`${broken}:20:12: status.words.succeeded is empty`);
    expect(exitCode).toBe(1);
    expect(JSON.parse((await run('check', broken, '--json')).out).problems[0]).toMatchObject({ line: 8, column: 5 });
  });

  test('says in words what it cannot read', async () => {
    expect(await run('check', join(folder, 'none.yaml'))).toMatchObject({
      err: expect.stringContaining('none.yaml cannot be read'),
      exitCode: 1,
    });
    expect(await run('check', file, '--answers', at('bad.json', '{'))).toMatchObject({
      err: expect.stringContaining('bad.json cannot be read'),
      exitCode: 1,
    });
    expect(await run('check', file, '--answers', at('odd.json', '{"polls":[]}'))).toMatchObject({
      err: expect.stringContaining('polls'),
      exitCode: 1,
    });
  });
});
