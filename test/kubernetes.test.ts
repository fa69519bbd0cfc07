/** The files for Kubernetes, held against settings and commands: nothing here has a cluster to run them on. */

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { SETTINGS } from '../src/config/environment.ts';
import { loadConfig } from '../src/config/settings.ts';
import { commandNames } from './documents/commands.ts';
import { readProjectFile } from './source-files.ts';

const FOLDER = 'deploy/kubernetes';
const SETTING_NAMES: readonly string[] = Object.values(SETTINGS).map(({ name }) => name);

interface Container {
  readonly args: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env: readonly { readonly name: string }[];
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly [probe: string]: unknown;
}

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds?: number;
        readonly securityContext: { readonly runAsNonRoot: boolean };
        readonly containers: readonly [Container];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly literals?: readonly string[]; readonly files?: readonly string[] }[];
}

const kustomizationIn = (folder: string) =>
  parse(readProjectFile(`${FOLDER}/${folder}/kustomization.yaml`)) as Kustomization;
const documentsIn = (file: string) =>
  parseAllDocuments(readProjectFile(`${FOLDER}/base/${file}`)).map((document) => document.toJS() as Workload);

const { resources } = kustomizationIn('base');
const workloads = resources.flatMap(documentsIn).filter(({ kind }) => kind === 'Deployment' || kind === 'Job');

describe.each(['base', 'temporal-cloud'])('%s', (folder) => {
  const { resources: named, configMapGenerator } = kustomizationIn(folder);

  test('every file that is named is there', () => {
    const files = [...named, ...configMapGenerator.flatMap(({ files: given = [] }) => given)];
    const missing = files.filter((file) => !existsSync(resolve(__dirname, '..', FOLDER, folder, file)));
    expect(missing).toEqual([]);
  });

  test('every setting is a documented one, with a value that a start takes', () => {
    const literals = configMapGenerator.flatMap(({ literals: given = [] }) => given);
    const settings = Object.fromEntries(literals.map((literal) => /^([^=]+)=(.*)$/.exec(literal)?.slice(1) ?? []));
    expect(Object.keys(settings).filter((name) => !SETTING_NAMES.includes(name))).toEqual([]);
    expect(loadConfig({ ...settings, CLIPYARD_DATA_DIR: '/data' }).warnings).toEqual([]);
  });
});

test('every file of the base is used', () => {
  const files = readdirSync(join(__dirname, '..', FOLDER, 'base')).filter((file) => file !== 'kustomization.yaml');
  expect(files.toSorted()).toEqual([...resources, 'clipyard.yaml'].toSorted());
});

describe.each(workloads.map((workload) => [workload.metadata.name, workload] as const))('%s', (_name, workload) => {
  const { containers, volumes, terminationGracePeriodSeconds, securityContext } = workload.spec.template.spec;
  const [container] = containers;

  test('runs a command that exists, as another user than root', () => {
    expect(commandNames()).toContain(container.args[0]);
    expect(securityContext.runAsNonRoot).toBe(true);
  });

  test('sets documented settings alone, and mounts what it has', () => {
    expect(container.env.map(({ name }) => name).filter((name) => !SETTING_NAMES.includes(name))).toEqual([]);
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(volumes.map(({ name }) => name));
  });

  test('has as long to stop as the drain takes, unless it ends by itself', () => {
    if (workload.kind === 'Job') return expect(terminationGracePeriodSeconds).toBeUndefined();
    expect(terminationGracePeriodSeconds).toBeGreaterThan(loadConfig({}).drainSeconds);
  });
});
