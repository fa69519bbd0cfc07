/** Which gateway the commands against a running one talk to, and with which key. */

import { CommandFailure, type GatewayAddress } from '../client/gateway-client.ts';
import { COMMAND_SETTINGS } from '../config/environment.ts';
import { complain } from '../config/read-settings.ts';
import { type ClientConfig, ConfigError, type Environment, loadClientConfig } from '../config/settings.ts';
import { readRootKeyFile } from '../process/root-key-file.ts';

function readSettings(environment: Environment | undefined): ClientConfig {
  try {
    const config = loadClientConfig(environment);
    for (const warning of config.warnings) process.stderr.write(`${warning}\n`);
    return config;
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
  const why = rootKeyDir === null ? ` (root's key goes to this machine and to CLIPYARD_PUBLIC_URL alone)` : '';
  throw new CommandFailure(`${complain(COMMAND_SETTINGS.apiKey, `is not set${place}`)}${why}`);
}
