/** Multipart bodies: what a server reads is what was put in, byte for byte. */

import { encodeMultipart } from '../../../src/net/trusted/encoded-body.ts';

async function readBack(texts: readonly (readonly [string, string])[], bytes: Uint8Array, filename = 'a.png') {
  const body = await encodeMultipart(texts, { field: 'file', filename, mediaType: 'image/png', bytes });
  const answer = new Response(Buffer.from(body.bytes), { headers: { 'content-type': body.contentType } });
  return { body, form: await answer.formData() };
}

describe('a multipart body', () => {
  test('keeps every byte of its file', async () => {
    const bytes = Uint8Array.from({ length: 512 }, (_, at) => at % 256);
    const { body, form } = await readBack([], bytes);
    const file = form.get('file');
    if (!(file instanceof File)) throw new Error('there is no file');
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(bytes);
    expect({ name: file.name, type: file.type }).toEqual({ name: 'a.png', type: 'image/png' });
    expect(body.contentType).toMatch(/^multipart\/form-data; boundary=\S+$/);
  });

  test('keeps texts in their order with equal names', async () => {
    const { form } = await readBack(
      [
        ['tags[]', 'y'],
        ['prompt', 'ü "quoted"; name="x"'],
        ['tags[]', 'x'],
      ],
      new Uint8Array(),
    );
    expect(form.getAll('tags[]')).toEqual(['y', 'x']);
    expect(form.get('prompt')).toBe('ü "quoted"; name="x"');
  });

  test('lets no name break out of its part', async () => {
    const { form } = await readBack([['a"\r\nx: y\r\n\r\nz', '1']], Buffer.from('png'), 'b"\r\nc.png');
    expect([...form.keys()]).toHaveLength(2);
    expect(form.get('a"\r\nx: y\r\n\r\nz')).toBe('1');
  });
});
