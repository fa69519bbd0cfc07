/** What never gets into the log. */

import { openLog } from '../../src/observe/log.ts';

function logged(write: (log: ReturnType<typeof openLog>) => void): string {
  const lines: string[] = [];
  write(openLog('info', { write: (line) => lines.push(line) }));
  return lines.join('');
}

describe('the log', () => {
  test('keys are left out wherever they stand', () => {
    const text = logged((log) => {
      log.info({ apiKey: 'k1', account: { apiKey: 'k2' }, req: { headers: { authorization: 'Bearer k3' } } }, 'hello');
      log.info({ err: new Error('refused for Bearer k4') }, 'sent Bearer k5');
      log.info({ one: { two: { three: { secret: 'a"k6\\' } } }, headers: { 'x-api-key': ['k7', 'k8'] } }, 'deep');
      log.child({ signingKey: 'k9' }).info({ rootKey: null }, 'of a child');
    });
    for (const line of text.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
    expect(text).not.toMatch(/k[1-9]/);
    expect(text).toContain('hello');
  });

  test('signatures of links are left out', () => {
    const text = logged((log) => {
      log.info(
        { url: 'http://h/media/v/clip.mp4?expires=1&signature=abc_DEF-1' },
        'see http://h/x?signature=abc_DEF-1&a=b',
      );
    });
    expect(text).not.toContain('abc_DEF-1');
    expect(text).toContain('expires=1');
    expect(text).toContain('a=b');
  });
});
