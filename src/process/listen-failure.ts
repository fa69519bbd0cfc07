/** What listening may fail with, told as a problem of the setting that is at fault. */

import { isNativeError } from 'node:util/types';
import { ConfigError } from '../config/settings.ts';

/** The code of the system's error; node's own errors come from another realm where code runs in a context of its own. */
function codeOf(error: unknown): unknown {
  return isNativeError(error) && 'code' in error ? error.code : undefined;
}

/** Whether the port is taken. */
export function isPortTaken(error: unknown): boolean {
  return codeOf(error) === 'EADDRINUSE';
}

/** What names no address, none of this machine's, or one that cannot be looked up now. */
const BAD_HOSTS: readonly unknown[] = ['ENOTFOUND', 'EADDRNOTAVAIL', 'EAI_AGAIN'];

/** The failure of listening at `CLIPYARD_HOST` and the port of a setting, in words; any other as it is. */
export function listenFailure(
  error: unknown,
  setting: string,
  { host, port }: { readonly host: string; readonly port: number },
): unknown {
  const fail = (problem: string) => new ConfigError(problem, { cause: error });
  if (isPortTaken(error)) return fail(`${setting} ${port} of ${host} is taken; for example ${setting}=${port + 1}`);
  if (codeOf(error) === 'EACCES') return fail(`${setting} ${port} is not for this user; for example ${setting}=8787`);
  if (!BAD_HOSTS.includes(codeOf(error))) return error;
  return fail(`CLIPYARD_HOST names ${host}, which is no address of this machine; for example CLIPYARD_HOST=127.0.0.1`);
}
