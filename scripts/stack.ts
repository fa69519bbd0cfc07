/** The command line of the stack: starts it, says where everything is, and ends it when it is told to stop. */

import { openLog } from '../src/observe/log.ts';
import { listenForStop, whenAborted } from '../src/process/stop.ts';
import { openStack } from './open-stack.ts';

const stop = listenForStop(openLog('info'));
const stack = await openStack({ speed: 1, tasksAtOnce: 4 });
const lines = {
  gateway: stack.url,
  'root key': stack.rootKey,
  temporal: stack.temporalAddress,
  postgres: stack.postgresUrl,
  s3: `${stack.bucket.endpoint}/${stack.bucket.bucket}`,
  sandbox: stack.sandboxUrl,
  data: stack.folder,
};
for (const [name, value] of Object.entries(lines)) process.stdout.write(`${name.padEnd(10)} ${value}\n`);
await whenAborted(stop);
await stack.close();
