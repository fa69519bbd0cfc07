/** What `clipyard doctor` finds of Temporal: the program of the embedded server, or the server that the settings name. */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Config } from '../../config/settings.ts';
import { findCallFailure, openTemporalClient } from '../../temporal/connection.ts';
import { checkNamedServer } from '../../temporal/dev-server/find.ts';
import { missingSearchAttributes } from '../../temporal/setup.ts';
import { describeVersions } from '../../temporal/worker-version.ts';
import { Ailment, EXCHANGE_MS } from './examination.ts';

const USUAL_PORT = '7233';
const USUAL_HOST = '127.0.0.1';

/** Status codes of gRPC that say what is wrong. */
const GRPC = { lateAnswer: 4, notFound: 5, permissionDenied: 7, unavailable: 14, unauthenticated: 16 } as const;

async function lookAtNamedServer(cliPath: string): Promise<void> {
  try {
    await checkNamedServer(cliPath);
  } catch (error) {
    throw new Ailment((error as Error).message, 'put it right, or take it away to have the server looked up');
  }
}

/** gRPC says of a server that it cannot talk to no more than that its time was over. */
async function explainSilence(address: string, usesTls: boolean): Promise<Ailment> {
  const [, host = USUAL_HOST, port = USUAL_PORT] = /^(?:dns:\/*)?\[?(.+?)\]?(?::(\d+))?$/.exec(address) ?? [];
  const socket = connect({ host, port: Number(port) });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(EXCHANGE_MS) });
  } catch (error) {
    const { name, message } = error as Error;
    const reason = name === 'AbortError' ? `no connection within ${EXCHANGE_MS / 1000} s` : message;
    return new Ailment(`${address} cannot be reached: ${reason}`, 'start Temporal, or put TEMPORAL_ADDRESS right');
  } finally {
    socket.destroy();
  }
  return new Ailment(
    `what listens at ${address} does not answer as Temporal does ${usesTls ? 'over' : 'without'} TLS`,
    'name the gRPC port of its frontend in TEMPORAL_ADDRESS, and in TEMPORAL_TLS (true, false) whether it speaks TLS',
  );
}

/** A failure as an operator can mend it. */
async function explain(error: unknown, { temporal }: Config, address: string): Promise<unknown> {
  const failure = findCallFailure(error);
  const { namespace, connection } = temporal;
  switch (failure?.code) {
    case GRPC.notFound:
      return new Ailment(
        `there is no namespace ${namespace} at ${address}`,
        'run `clipyard migrate`, which makes it where the server lets it, or put TEMPORAL_NAMESPACE right',
      );
    case GRPC.permissionDenied:
    case GRPC.unauthenticated:
      return new Ailment(
        `${address} does not let us into namespace ${namespace}: ${failure.details}`,
        'put TEMPORAL_API_KEY or the certificates of TEMPORAL_TLS_… right',
      );
    case GRPC.lateAnswer:
    case GRPC.unavailable:
      return await explainSilence(address, Boolean(connection?.tls));
    default:
      return error;
  }
}

/** What is there. @throws Ailment, or what the client throws. */
export async function lookAtTemporal(config: Config): Promise<string> {
  const { temporal } = config;
  if (!temporal.external) {
    if (temporal.cliPath !== null) await lookAtNamedServer(temporal.cliPath);
    return 'embedded: `clipyard up` starts a dev server';
  }
  const { namespace, connection: given } = temporal;
  const address = given?.address ?? `${USUAL_HOST}:${USUAL_PORT}`;
  const { connection, close } = openTemporalClient({ ...given, address }, namespace);
  try {
    const within = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + EXCHANGE_MS, call);
    await within(() => connection.workflowService.describeNamespace({ namespace }));
    const missing = await missingSearchAttributes(connection, namespace);
    if (missing.length > 0) {
      throw new Ailment(
        `namespace ${namespace} lacks the search attributes ${missing.join(', ')}`,
        'run `clipyard migrate`, or make them as Keyword with the tools of your Temporal',
      );
    }
    const versions = await describeVersions(connection, namespace);
    return [`${address}, namespace ${namespace}`, ...versions].join('; ');
  } catch (error) {
    throw await explain(error, config, address);
  } finally {
    await close();
  }
}
