/** Closing what a process opened. */

import { openLog } from '../../src/observe/log.ts';
import { Closers } from '../../src/process/closers.ts';

describe('closers', () => {
  test('close in reverse order despite failures, once', async () => {
    const closed: string[] = [];
    const closers = new Closers(openLog('silent'));
    closers.add('first', async () => closed.push('first'));
    closers.add('second', async () => Promise.reject(new Error('stuck')));
    closers.add('third', async () => closed.push('third'));
    await closers.closeAll();
    await closers.closeAll();
    expect(closed).toEqual(['third', 'first']);
  });
});
