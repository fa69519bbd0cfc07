/** A process's link to Temporal: there from the start, usable from the moment the server's address is known. */

import type { Client, Connection } from '@temporalio/client';
import { packageRoot } from '../config/package-root.ts';
import type { Config } from '../config/settings.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { GatewayDependencies } from '../gateway/gateway.ts';
import type { Log } from '../observe/log.ts';
import { type ConnectionSettings, openTemporalClient } from '../temporal/connection.ts';
import { findServer } from '../temporal/dev-server/find.ts';
import { startDevServer } from '../temporal/dev-server/server.ts';
import { createWorkflowControl } from '../temporal/workflow-control.ts';
import type { Closers } from './closers.ts';

/** What is there once the server's address is known. */
export interface OpenLink {
  readonly settings: ConnectionSettings;
  readonly connection: Connection;
  readonly client: Client;
  readonly control: VideoWorkflows;
  /** Null where nobody told. */
  readonly uiUrl: string | null;
}

/** Where an external server is when nothing says otherwise. */
const USUAL_ADDRESS = '127.0.0.1:7233';

/** gRPC's UNAVAILABLE. */
const AWAY = 14;

export interface LinkOptions {
  readonly config: Config;
  readonly log: Log;
  /** For what is opened here, however late: below everything that uses the link. */
  readonly closers: Closers;
  /** Ends the search for a server. */
  readonly stop: AbortSignal;
}

export class TemporalLink {
  readonly #config: Config;
  readonly #log: Log;
  readonly #closers: Closers;
  readonly #stop: AbortSignal;
  #open: OpenLink | null = null;

  constructor({ config, log, closers, stop }: LinkOptions) {
    this.#config = config;
    this.#log = log;
    this.#closers = closers;
    this.#stop = stop;
  }

  /** Names the external server; whether it is there is found out by its use. */
  openExternal(): OpenLink {
    const { connection, uiUrl } = this.#config.temporal;
    const settings = { ...connection, address: connection.address ?? USUAL_ADDRESS };
    this.#log.info({ address: settings.address }, 'using the Temporal server that the settings name');
    return this.#use(settings, uiUrl);
  }

  /** Finds and starts the dev server, or links to the external one where the settings name it. */
  async openEmbedded(): Promise<OpenLink> {
    const { external, cliPath, namespace, uiUrl } = this.#config.temporal;
    if (external) return this.openExternal();
    const { cacheDir, dataDir } = this.#config;
    const binary = await findServer({
      cliPath,
      cacheDir,
      packageRoot: packageRoot(),
      log: this.#log,
      signal: this.#stop,
    });
    const server = await startDevServer({ binary, dataDir, namespace, log: this.#log });
    this.#closers.add('Temporal dev server', () => server.stop());
    return this.#use({ address: server.address }, uiUrl ?? server.uiUrl);
  }

  #use(settings: ConnectionSettings, uiUrl: string | null): OpenLink {
    const { connection, client, close } = openTemporalClient(settings, this.#config.temporal.namespace);
    this.#closers.add('connection to Temporal', close);
    this.#open = { settings, connection, client, control: createWorkflowControl(client), uiUrl };
    return this.#open;
  }

  /** @throws Error while the server's address is not known yet, with the code of a server that is away. */
  current(): OpenLink {
    if (this.#open === null) throw Object.assign(new Error('the Temporal server is being started'), { code: AWAY });
    return this.#open;
  }

  /** Of the UI, as far as it is known by now. */
  get uiUrl(): string | null {
    return this.#open?.uiUrl ?? this.#config.temporal.uiUrl;
  }

  /** The calls of the gateway: they fail until there is a server, and what was accepted is started later. */
  get workflows(): GatewayDependencies['workflows'] {
    return {
      start: async (...call) => this.current().control.start(...call),
      rearchive: async (...call) => this.current().control.rearchive(...call),
      cancel: async (...call) => this.current().control.cancel(...call),
      signalGranted: async (...call) => this.current().control.signalGranted(...call),
      signalRecheck: async (...call) => this.current().control.signalRecheck(...call),
    };
  }
}
