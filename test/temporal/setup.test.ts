/** Setting up a namespace where the server leaves that to other tools. */

import { openLog } from '../../src/observe/log.ts';
import { type SetupConnection, setUpNamespace } from '../../src/temporal/setup.ts';

/** An answer as gRPC gives it. */
function grpcError(code: number): Error {
  return Object.assign(new Error('request refused'), { code, details: 'request refused', metadata: {} });
}

function refusing(code: number): SetupConnection {
  const refuse = () => Promise.reject(grpcError(code));
  const services = { describeNamespace: refuse, registerNamespace: refuse, listSearchAttributes: refuse };
  return {
    workflowService: services,
    operatorService: services,
    withDeadline: (_: unknown, call: () => Promise<unknown>) => call(),
  } as never;
}

describe('setting up a namespace', () => {
  test.each([7, 12, 16])('a refusal with code %i is a warning that names the attributes', async (code) => {
    const lines: string[] = [];
    const log = openLog('info', { write: (line) => lines.push(line) });
    await setUpNamespace(refusing(code), 'cloud', log);
    expect(lines.join('')).toMatch(/VideoState.*does not let us manage the namespace/);
  });

  test('a server out of reach is an error', async () => {
    await expect(setUpNamespace(refusing(14), 'away', openLog('silent'))).rejects.toThrow('request refused');
  });
});
