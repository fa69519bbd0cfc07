/** Histories as they are saved in `test/histories`: those of today's workflows in a folder of their version, older ones beside it. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { type BundleOptions, bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { VERSION } from '../../src/net/user-agent.ts';

const FOLDER = join(__dirname, '../histories');

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

interface SavedPayloads {
  /** Base64 of JSON; absent where a function returned nothing. */
  readonly payloads?: readonly { readonly data?: string }[];
}

/** An event in the JSON of Temporal's own tools; of its attributes what tests read. */
interface SavedEvent {
  readonly workflowExecutionStartedEventAttributes?: { readonly workflowType: { readonly name: string } };
  readonly workflowExecutionSignaledEventAttributes?: { readonly signalName: string };
  readonly activityTaskScheduledEventAttributes?: { readonly activityType: { name: string } };
  readonly activityTaskCompletedEventAttributes?: { readonly result?: SavedPayloads };
}

export interface SavedHistory {
  readonly events: readonly SavedEvent[];
}

/** The names of all that are saved, as paths within the folder without `.json`. */
export function listHistories(): readonly string[] {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.json')).map((file) => file.replace(/\.json$/, ''));
}

/** Whether it is one of the workflows as they are now, which a version that is not released yet may record anew. */
export function isOfToday(name: string): boolean {
  return dirname(name) === VERSION;
}

export function readHistory(name: string): SavedHistory {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as SavedHistory;
}

/** The values that payloads hold. */
export function valuesOf({ payloads = [] }: SavedPayloads = {}): readonly unknown[] {
  const values = payloads.flatMap(({ data }) => (data ? [Buffer.from(data, 'base64').toString()] : []));
  return values.map((json) => JSON.parse(json) as unknown);
}

/** Workers' names, their copy of the bundle, and where in the code something failed tell of the machine that recorded it. */
function withoutMachine(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  if (typeof value !== 'string') return value;
  return value.replace(/^\d+@[\w.-]+$/, 'worker').replace(/^(@temporalio\/worker@[\d.]+)\+[0-9a-f]{64}$/, '$1');
}

/** Saves the history of a closed workflow of today; of one that went on as new runs that of each run. */
export async function saveHistory(client: Client, name: string, workflowId: string): Promise<void> {
  await client.workflow
    .getHandle(workflowId)
    .result()
    .catch(() => undefined);
  const runs = await fetchRuns(client, workflowId);
  mkdirSync(join(FOLDER, VERSION), { recursive: true });
  for (const [index, run] of runs.entries()) {
    const { events } = JSON.parse(historyToJSON(run)) as { events: object[] };
    const lines = events.map((event) => JSON.stringify(event, withoutMachine));
    const file = runs.length === 1 ? name : `${name}-${index + 1}`;
    writeFileSync(join(FOLDER, VERSION, `${file}.json`), `{"events":[\n${lines.join(',\n')}\n]}\n`);
  }
}

/** The runs of a workflow, the first one first. */
async function fetchRuns(client: Client, workflowId: string): Promise<readonly History[]> {
  const runs: History[] = [];
  for (let runId: string | null | undefined; runId !== ''; ) {
    const run = await client.workflow.getHandle(workflowId, runId ?? undefined).fetchHistory();
    runs.unshift(run);
    runId = run.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
  }
  return runs;
}

/** The example's workflow that has clips as children, with the package's own sources in place of the compiled ones. */
export async function bundleStoryboard() {
  const webpackConfigHook: BundleOptions['webpackConfigHook'] = (config) => {
    const alias = { 'clipyard/workflows': require.resolve('../../workflows/child.ts') };
    return { ...config, resolve: { ...config.resolve, alias: { ...config.resolve?.alias, ...alias } } };
  };
  return await bundleWorkflowCode({
    workflowsPath: require.resolve('../../examples/storyboard/workflows.ts'),
    logger: new DefaultLogger('WARN'),
    webpackConfigHook,
  });
}
