/** A process's link to Temporal: there from the start, usable from the moment the server's address is known. */

import { packageRoot } from '../config/package-root.ts';
import type { Config } from '../config/settings.ts';
import { NO_TRACES, type Traces } from '../domain/trace.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { type ConnectionSettings, openTemporalClient, type TemporalClient } from '../temporal/connection.ts';
import { dataConverterOf } from '../temporal/data-converter.ts';
import { findServer } from '../temporal/dev-server/find.ts';
import { startDevServer } from '../temporal/dev-server/server.ts';
import { traceStarts } from '../temporal/traced.ts';
import { createWorkflowControl } from '../temporal/workflow-control.ts';
import type { ProcessContext } from './run.ts';

/** What is there once the server's address is known. */
export interface OpenLink extends Pick<TemporalClient, 'connection' | 'client'> {
  readonly settings: ConnectionSettings;
  /** Null where it was not told. */
  readonly uiUrl: string | null;
}

/** Where an external server is when nothing says otherwise. */
const USUAL_ADDRESS = '127.0.0.1:7233';

/** gRPC's UNAVAILABLE. */
const AWAY = 14;

export class TemporalLink {
  readonly #config: Config;
  readonly #context: ProcessContext;
  #open: OpenLink | null = null;
  /** Each call fails until there is a server; what was accepted before is started later. */
  readonly workflows: VideoWorkflows;

  /**
   * A stop ends the search for a server. What is opened, however late, is closed with `closers`: it stands below
   * everything that uses the link.
   */
  constructor(config: Config, context: ProcessContext, traces: Traces = NO_TRACES) {
    this.#config = config;
    this.#context = context;
    const showsPrompts = config.encryptionKeys.length === 0;
    this.workflows = traceStarts(
      createWorkflowControl(() => this.current().client, { showsPrompts }),
      traces,
    );
  }

  /** Names the external server; whether it is there is found out by its use. */
  openExternal(): OpenLink {
    const { connection, uiUrl } = this.#config.temporal;
    const settings = { ...connection, address: connection.address ?? USUAL_ADDRESS };
    this.#context.log.info({ address: settings.address }, 'using the Temporal server that the settings name');
    return this.#use(settings, uiUrl);
  }

  /** Finds and starts the dev server, or links to the external one where the settings name it. */
  async openEmbedded(): Promise<OpenLink> {
    const { external, cliPath, namespace, uiUrl } = this.#config.temporal;
    if (external) return this.openExternal();
    const { cacheDir, dataDir } = this.#config;
    const { log, stop: signal, closers } = this.#context;
    const binary = await findServer({ cliPath, cacheDir, packageRoot: packageRoot(), log, signal });
    const server = await startDevServer({ binary, dataDir, namespace, log });
    closers.add('Temporal dev server', () => server.stop());
    return this.#use({ address: server.address }, uiUrl ?? server.uiUrl);
  }

  #use(settings: ConnectionSettings, uiUrl: string | null): OpenLink {
    const { temporal, encryptionKeys } = this.#config;
    const dataConverter = dataConverterOf(encryptionKeys);
    const { connection, client, close } = openTemporalClient(settings, temporal.namespace, dataConverter);
    this.#context.closers.add('connection to Temporal', close);
    this.#open = { settings, connection, client, uiUrl };
    return this.#open;
  }

  /** @throws Error while the server's address is not known yet, with the code of a server that is away. */
  current(): OpenLink {
    if (this.#open === null) throw Object.assign(new Error('the Temporal server is being started'), { code: AWAY });
    return this.#open;
  }

  /** Where the UI is, as far as that is known by now. */
  uiUrl(): string | null {
    return this.#open?.uiUrl ?? this.#config.temporal.uiUrl;
  }

  /** Where the video's workflow can be looked at there. */
  workflowUrl(videoId: string): string | null {
    const { namespace } = this.#config.temporal;
    const uiUrl = this.uiUrl();
    return uiUrl === null ? null : `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(videoId)}`;
  }
}
