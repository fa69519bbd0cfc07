/** Why a process cannot listen, in the words of the setting that is at fault. */

import { createServer } from 'node:http';
import { ConfigError } from '../../src/config/settings.ts';
import { listenFailure } from '../../src/process/listen-failure.ts';

const failed = (code: string) => Object.assign(new Error(code), { code });
const PLACE = { host: 'clips.internal', port: 80 };

test.each([
  ['EADDRINUSE', 'CLIPYARD_PORT 80 of clips.internal is taken; for example CLIPYARD_PORT=81'],
  ['EACCES', 'CLIPYARD_PORT 80 is not for this user; for example CLIPYARD_PORT=8787'],
  ...['ENOTFOUND', 'EADDRNOTAVAIL'].map((code) => [
    code,
    'CLIPYARD_HOST names clips.internal, which is no address of this machine; for example CLIPYARD_HOST=127.0.0.1',
  ]),
])('%s names the setting', (code = '', problem) => {
  const error = listenFailure(failed(code), 'CLIPYARD_PORT', PLACE);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ message: problem, cause: { code } });
});

test('an address of another machine is such a failure', async () => {
  const error = await new Promise((resolve) => createServer().once('error', resolve).listen(0, '192.0.2.1'));
  expect(listenFailure(error, 'CLIPYARD_PORT', { host: '192.0.2.1', port: 80 })).toBeInstanceOf(ConfigError);
});

test('any other failure stays what it is', () => {
  const error = failed('EMFILE');
  expect(listenFailure(error, 'CLIPYARD_PORT', PLACE)).toBe(error);
});
