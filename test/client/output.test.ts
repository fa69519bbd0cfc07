/** What people see: money, tables, bars, and the option values that they type. */

import { stripVTControlCharacters } from 'node:util';
import { commaSeparated, jsonObject, microUsdFromDollars, wordsAmong } from '../../src/client/option-values.ts';
import { dollars, renderFacts, renderTable } from '../../src/client/output.ts';
import { openProgressView } from '../../src/client/progress.ts';
import type { Snapshot } from '../../src/client/video-answers.ts';
import { VIDEO_PICTURE } from '../../src/client/watch-video.ts';
import type { VideoState } from '../../src/domain/video.ts';

describe('money', () => {
  test.each([
    [0, '$0.00'],
    [20_000, '$0.02'],
    [1, '$0.000001'],
    [-1_500_000, '-$1.50'],
    [123_456_789_000, '$123456.789'],
  ])('%d micro-dollars are %s', (amountMicroUsd, text) => {
    expect(dollars(amountMicroUsd)).toBe(text);
  });

  test.each([
    ['25', 25_000_000],
    ['0.05', 50_000],
    ['0.000001', 1],
    ['1.1', 1_100_000],
  ])('%s dollars are %d micro-dollars', (text, amountMicroUsd) => {
    expect(microUsdFromDollars(text)).toBe(amountMicroUsd);
  });

  test.each(['', '-1', '1e3', '0.0000001', '1,5', 'free'])('"%s" is no amount', (text) => {
    expect(() => microUsdFromDollars(text)).toThrow('US dollars are wanted');
  });
});

test('lists and objects are read, and what is none is a usage error', () => {
  expect(commaSeparated('a, b')).toEqual(['a', 'b']);
  expect(() => commaSeparated('a,,b')).toThrow('a list such as a,b is wanted');
  expect(wordsAmong(['a', 'b'])('b, a')).toEqual(['b', 'a']);
  expect(() => wordsAmong(['a', 'b'])('a,c')).toThrow('one of a, b is wanted, or several with commas');
  expect(jsonObject('{"a":1}')).toEqual({ a: 1 });
  for (const text of ['[1]', 'null', '{']) expect(() => jsonObject(text)).toThrow('a JSON object is wanted');
});

describe('tables', () => {
  test('columns are aligned and absent values are dashes', () => {
    const table = stripVTControlCharacters(
      renderTable(
        ['id', 'n'],
        [
          ['video_1', 1],
          ['v', null],
        ],
        'none',
      ),
    );
    expect(table).toBe('id       n\nvideo_1  1\nv        -');
    expect(renderTable(['id'], [], 'none')).toBe('none');
  });

  test('text of others cannot steer the terminal', () => {
    expect(renderFacts({ prompt: 'red\u001B[31m\nfox\u202E', state: null })).toBe('prompt  red [31m fox');
  });
});

describe('progress', () => {
  const snapshot = (state: VideoState, progress: number) => ({ state, progress }) as Snapshot;
  const snapshots = [
    snapshot('queued', 0),
    snapshot('generating', 10),
    snapshot('generating', 10),
    snapshot('generating', 50),
    snapshot('completed', 100),
  ];

  function follow(isTTY: boolean): string {
    let shown = '';
    const write = (text: string | Uint8Array) => {
      shown += text;
      return true;
    };
    const view = openProgressView({ isTTY, write }, VIDEO_PICTURE);
    for (const each of snapshots) view.update({ snapshot: each });
    view.close();
    return stripVTControlCharacters(shown);
  }

  test('is a line for each change where there is no terminal', () => {
    expect(follow(false)).toBe('queued\ngenerating 10 %\ngenerating 50 %\ncompleted\n');
  });

  test('is one bar on a terminal', () => {
    const drawn = follow(true).split('\r').slice(1);
    expect(drawn).toHaveLength(snapshots.length);
    expect(drawn[3]).toBe(`${'█'.repeat(12)}${'░'.repeat(12)} generating 50 %`);
    expect(drawn.at(-1)).toBe(`${'█'.repeat(24)} completed\n`);
  });
});
