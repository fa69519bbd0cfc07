/** Which gateway the commands against a running one talk to, and with which key. */

import { CommandFailure, type GatewayAddress } from '../client/gateway-client.ts';
import { type ClientConfig, ConfigError, type Environment, loadClientConfig } from '../config/settings.ts';
import { readRootKeyFile } from '../process/root-key-file.ts';

function readSettings(environment: Environment | undefined): ClientConfig {
  try {
    return loadClientConfig(environment);
  } catch (error) {
    throw error instanceof ConfigError ? new CommandFailure(error.message) : error;
  }
}

/**
 * Beside `npm start` nothing has to be set: the root key that it generated is read where it keeps it.
 * @throws CommandFailure where no key is found, or a setting cannot be used.
 */
export function findGateway(environment?: Environment): GatewayAddress {
  const { url, apiKey, rootKeyDir } = readSettings(environment);
  const key = apiKey ?? (rootKeyDir === null ? null : readRootKeyFile(rootKeyDir));
  if (key !== null) return { url, apiKey: key };
  const place = rootKeyDir === null ? '' : `, and ${rootKeyDir} has no root key that can be read`;
  throw new CommandFailure(`CLIPYARD_API_KEY is not set${place}; for example CLIPYARD_API_KEY=cy_3kN0u2mQ`);
}
