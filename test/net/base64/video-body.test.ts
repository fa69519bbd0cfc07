/** A clip inside JSON: that every byte of it comes out however the body is cut, and that nothing else passes for one. */

import fc from 'fast-check';
import { MalformedVideoBody } from '../../../src/net/base64/decoder.ts';
import { readVideoBody } from '../../../src/net/base64/video-body.ts';
import { randomRuns } from '../../random-runs.ts';

async function* inPieces(body: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (let turn = 0; start < body.length; turn += 1) {
    const end = start + (sizes[turn % sizes.length] ?? body.length);
    yield body.subarray(start, end);
    start = end;
  }
}

/** The clip, what came beside it, and the size of the largest piece. */
async function readAll(body: AsyncIterable<Uint8Array>) {
  const pieces: Uint8Array[] = [];
  const reading = readVideoBody(body);
  for (;;) {
    const { done, value } = await reading.next();
    if (done) return { clip: Buffer.concat(pieces), largest: Math.max(0, ...pieces.map((p) => p.length)), ...value };
    pieces.push(value);
  }
}

function readText(body: string, pieceSizes: readonly number[] = [body.length || 1]) {
  return readAll(inPieces(Buffer.from(body), pieceSizes));
}

const clipText = (encoded: string) => `{"created":1,"data":[{"b64_json":"${encoded}","url":null}]}`;
const pieceSizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
const clip = fc.uint8Array({ maxLength: 300 });

describe('a clip in pieces', () => {
  test('comes out byte by byte as it was', async () => {
    await fc.assert(
      fc.asyncProperty(clip, pieceSizes, fc.jsonValue({ depthSize: 'small' }), async (bytes, sizes, other) => {
        const body = (b64_json: string | null) => ({
          before: other,
          created: 1_758_941_485,
          data: [{ revised_prompt: null, b64_json, url: null, other }],
          after: other,
        });
        const text = JSON.stringify(body(Buffer.from(bytes).toString('base64')));
        const read = await readText(text, sizes);
        expect(read.clip).toEqual(Buffer.from(bytes));
        expect(read.sizeBytes).toBe(bytes.length);
        expect(read.body).toEqual(JSON.parse(JSON.stringify(body(null))));
      }),
      randomRuns(100),
    );
  });

  test('comes out of a text with any escapes', async () => {
    const disguises = fc.array(fc.constantFrom('plain', 'unicode', 'break', 'blank', 'slash'), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(clip, disguises, pieceSizes, async (bytes, disguise, sizes) => {
        const encoded = Buffer.from(bytes).toString('base64');
        const text = [...encoded].map((character, at) => disguised(character, disguise[at % disguise.length]));
        const read = await readText(clipText(text.join('')), sizes);
        expect(read.clip).toEqual(Buffer.from(bytes));
      }),
      randomRuns(100),
    );
  });

  test('comes out without its padding or in URL letters', async () => {
    await fc.assert(
      fc.asyncProperty(clip, pieceSizes, async (bytes, sizes) => {
        const read = await readText(clipText(Buffer.from(bytes).toString('base64url')), sizes);
        expect(read.clip).toEqual(Buffer.from(bytes));
      }),
      randomRuns(100),
    );
  });

  test('is refused wherever its body breaks off', async () => {
    const text = clipText(Buffer.from('a clip of some bytes').toString('base64'));
    for (let length = 0; length < text.length; length += 1) {
      await expect(readText(text.slice(0, length), [7])).rejects.toBeInstanceOf(MalformedVideoBody);
    }
  });
});

function disguised(character: string, how: string | undefined): string {
  switch (how) {
    case 'unicode':
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`;
    case 'break':
      return `${character}\\r\\n`;
    case 'blank':
      return ` ${character}\\t\\u000a`;
    case 'slash':
      return character === '/' ? '\\/' : character;
    default:
      return character;
  }
}

describe('the clip', () => {
  test.each([
    ['between blanks of any number', `${' \n'.repeat(200_000)}${clipText('Q0xJUA==')}${' \t\r'.repeat(200_000)}`],
    ['after a byte order mark', `\ufeff${clipText('Q0xJUA==')}`],
    ['under an escaped name', '{"d\\u0061ta":[{"b64\\u005fjson":"Q0xJUA=="}]}'],
    ['in a later entry', '{"data":[{"b64_json":null},{"url":"x"},{"b64_json":"Q0xJUA=="}]}'],
    ['before another like it', '{"data":[{"b64_json":"Q0xJUA==","b64_json":"RUxTRQ=="},{"b64_json":"RUxTRQ=="}]}'],
    [
      'beside others of its name',
      '{"b64_json":"RUxTRQ==","data":[{"b64_json":["RUxTRQ=="],"x":{"b64_json":"RUxTRQ=="}},["b64_json","RUxTRQ=="],{"b64_json":"Q0xJUA=="}]}',
    ],
    ['beside texts that look like its end', '{"a":"\\"}],[{\\\\","data":[{"x":"b64_json\\":","b64_json":"Q0xJUA=="}]}'],
  ])('is found %s', async (_where, text) => {
    const read = await readText(text, [5000]);
    expect(read.clip.toString()).toBe('CLIP');
    expect(read.sizeBytes).toBe(4);
  });

  test.each([
    ['a body without data', '{"error":{"code":"provider_error"}}'],
    ['an empty list', '{"created":1,"data":[]}'],
    ['null in its place', '{"data":[{"b64_json":null,"url":"https://cdn.example/clip.mp4"}]}'],
    ['a list at the root', '[[{"b64_json":"Q0xJUA=="}]]'],
    ['an object for data', '{"data":{"0":{"b64_json":"Q0xJUA=="}}}'],
  ])('is not found in %s', async (_what, text) => {
    const read = await readText(text);
    expect(read).toMatchObject({ sizeBytes: null, body: JSON.parse(text) });
    expect(read.clip).toHaveLength(0);
  });

  test('may be empty, which is not none', async () => {
    expect(await readText(clipText(''))).toMatchObject({ sizeBytes: 0 });
  });
});

describe('a malformed body', () => {
  test.each([
    ['nothing', ''],
    ['a page', '<html>busy</html>'],
    ['two bodies', `${clipText('Q0xJUA==')}${clipText('Q0xJUA==')}`],
    ['a clip beside a number', '{"data":[{"b64_json":1"Q0xJUA=="}]}'],
    ['a clip beside a text', '{"data":[{"b64_json":"Q0xJUA==""x"}]}'],
    ['a clip without a colon', '{"data":[{"b64_json" "Q0xJUA=="}]}'],
    ['brackets that do not match', '{"data":[{"b64_json":"Q0xJUA=="]}}'],
    ['numbers with a blank inside', '{"created":1 2,"data":[]}'],
    ['a name that is no JSON', '{"\\x":1,"data":[{"b64_json":"Q0xJUA=="}]}'],
    ['a character outside of base64', clipText('Q0x*UA==')],
    ['a letter of another alphabet', clipText('Q0xJÄUA==')],
    ['a raw line break', clipText('Q0xJ\nUA==')],
    ['an unknown escape', clipText('Q0xJ\\bUA==')],
    ['an escaped quote', clipText('Q0xJ\\"UA==')],
    ['an escape that is cut', clipText('Q0xJ\\u00Z1UA==')],
    ['an escaped letter of another alphabet', clipText('Q0xJ\\u0441UA==')],
    ['a quote in an escape', clipText('Q0xJ\\u0022UA==')],
    ['a lone last letter', clipText('Q0xJU')],
    ['too much padding', clipText('Q0xJUA===')],
    ['too little padding', clipText('Q0xJUA=')],
    ['padding without need', clipText('Q0xJ=')],
    ['letters after the padding', clipText('UA==Q0xJ')],
  ])('is %s', async (_what, text) => {
    await expect(readText(text, [3])).rejects.toBeInstanceOf(MalformedVideoBody);
  });

  test('is one that is not UTF-8', async () => {
    const body = Buffer.from('{"prompt":"?","data":[]}');
    body[body.indexOf('?')] = 0xff;
    await expect(readAll(inPieces(body, [4]))).rejects.toBeInstanceOf(MalformedVideoBody);
  });

  test('is exactly what JSON.parse refuses as well', async () => {
    // Every text here happens to be good base64.
    const parts = fc.constantFrom('{', '}', '[', ']', ',', ':', '"data"', '"b64_json"', '"QQ=="', 'null', '1', ' ');
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { maxLength: 14 }), fc.boolean(), async (marks, inPlace) => {
        const text = inPlace ? `{"data":[{"b64_json":${marks.join('')}}]}` : marks.join('');
        const isRead = await readText(text, [2]).then(
          () => true,
          () => false,
        );
        expect(isRead).toBe(isJson(text));
      }),
      randomRuns(3000),
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('bounds', () => {
  test.each([
    ['one text is long', `{"prompt":"${'x'.repeat(70_000)}","data":[]}`, 'longer than 65536 bytes'],
    ['one name is long', `{"${'x'.repeat(70_000)}":1,"data":[]}`, 'longer than 65536 bytes'],
    ['a second clip is long', `{"data":[{"b64_json":"QQ=="},{"b64_json":"${'QQQQ'.repeat(20_000)}"}]}`, 'longer than'],
    ['there is much beside the clip', `{"data":[${'1,'.repeat(200_000)}1]}`, 'more than 262144 bytes'],
    ['lists are nested without end', '['.repeat(300_000), 'more than 262144 bytes'],
  ])('end a body in which %s', async (_what, text, problem) => {
    await expect(readText(text, [10_000])).rejects.toThrow(problem);
  });

  test('keep every piece small for any body', async () => {
    const bytes = Buffer.alloc(3_000_000, 'clip');
    const read = await readText(clipText(bytes.toString('base64')));
    expect(read.clip.equals(bytes)).toBe(true);
    expect(read.largest).toBeLessThanOrEqual(50_000);
  });

  test('read no further than what was taken', async () => {
    let given = 0;
    async function* endless() {
      yield Buffer.from('{"data":[{"b64_json":"');
      for (;;) {
        given += 1;
        yield Buffer.alloc(4096, 'QUJD');
      }
    }
    const reading = readVideoBody(endless());
    for (let taken = 1; taken <= 100; taken += 1) {
      await reading.next();
      expect(given).toBe(taken);
    }
    await reading.return({ body: null, sizeBytes: null });
  });

  test('pass on what ends the stream itself', async () => {
    async function* cut() {
      yield Buffer.from('{"data":[{"b64_json":"QUJD');
      throw new Error('the connection was reset');
    }
    await expect(readAll(cut())).rejects.toThrow('the connection was reset');
  });
});
