/** Which part of the sources may import which: the table of ARCHITECTURE.md, held by architecture.test.ts. */

/** One row: a part, and everything that it may import besides itself. */
export interface ImportRule {
  /** A folder, or the beginning of file names up to `.` or `-`. */
  readonly zone: string;
  readonly values: readonly string[];
  /** What it may name in `import type` beyond `values`. */
  readonly types: readonly string[];
  /** Modules from outside; `any` is everything but `@temporalio/*`, which is always named. */
  readonly packages: readonly string[];
}

export const IMPORT_RULES: readonly ImportRule[] = [
  { zone: 'src/domain', values: [], types: [], packages: ['ipaddr.js'] },
  { zone: 'src/wire', values: ['src/domain'], types: [], packages: ['zod'] },
  { zone: 'src/dialects', values: ['src/domain', 'src/wire'], types: [], packages: ['zod'] },
  { zone: 'src/net', values: ['src/domain'], types: [], packages: ['any'] },
  { zone: 'src/providers', values: ['src/domain', 'src/wire', 'src/net'], types: [], packages: ['zod'] },
  { zone: 'src/media', values: ['src/domain'], types: [], packages: ['any'] },
  {
    zone: 'src/archive',
    values: ['src/domain', 'src/net', 'src/media', 'src/process/priority'],
    types: [],
    packages: ['any'],
  },
  { zone: 'src/catalog', values: ['src/domain'], types: [], packages: ['any'] },
  {
    zone: 'src/submissions',
    values: ['src/domain', 'src/net', 'src/catalog', 'src/media'],
    types: [],
    packages: ['node'],
  },
  {
    zone: 'src/recovery',
    values: ['src/domain', 'src/catalog', 'src/media', 'src/submissions'],
    types: [],
    packages: ['node'],
  },
  {
    zone: 'src/webhooks',
    values: ['src/domain', 'src/net', 'src/catalog'],
    types: [],
    packages: ['node'],
  },
  {
    zone: 'workflows',
    values: ['src/domain'],
    types: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  {
    zone: 'activities',
    values: [
      'src/domain',
      'src/catalog',
      'src/media',
      'src/archive',
      'src/submissions',
      'src/recovery',
      'src/webhooks',
    ],
    types: [],
    packages: ['node', '@temporalio/activity', '@temporalio/common'],
  },
  {
    zone: 'src/gateway',
    values: ['src/domain', 'src/catalog', 'src/media', 'src/archive', 'src/submissions', 'src/recovery'],
    types: [],
    packages: ['any'],
  },
  {
    zone: 'src/http',
    values: ['src/domain', 'src/wire', 'src/dialects', 'src/media'],
    types: ['src/gateway'],
    packages: ['any'],
  },
  { zone: 'src/sandbox', values: ['src/domain', 'src/wire'], types: [], packages: ['any'] },
  {
    zone: 'src/config',
    values: ['src/domain', 'src/wire/description'],
    types: [],
    packages: ['any', '@temporalio/envconfig'],
  },
  {
    zone: 'src/observe',
    values: ['src/domain', 'src/catalog'],
    types: [],
    packages: ['any'],
  },
  {
    zone: 'src/temporal',
    values: [
      'src/domain',
      'src/observe/log',
      'src/process/priority',
      'workflows/messages',
      'workflows/search-attributes',
      'workflows/starts',
    ],
    types: ['workflows', 'activities'],
    packages: ['any', '@temporalio/client', '@temporalio/common', '@temporalio/proto', '@temporalio/worker'],
  },
  {
    zone: 'src/nexus',
    values: [
      'src/domain',
      'src/catalog',
      'src/submissions',
      'src/recovery',
      'workflows/messages',
      'workflows/starts',
      'activities/activity-failure',
    ],
    types: ['workflows', 'src/temporal/worker'],
    packages: ['node', 'nexus-rpc', '@temporalio/nexus'],
  },
  {
    zone: 'src/client',
    values: ['src/domain', 'src/wire', 'src/net', 'src/webhooks/sign', 'src/config/folder'],
    types: [],
    packages: ['any'],
  },
  {
    zone: 'src/mcp',
    values: ['src/domain', 'src/wire', 'src/net', 'src/client'],
    types: [],
    packages: ['any'],
  },
  {
    zone: 'src/process',
    values: ['src', 'workflows', 'activities'],
    types: [],
    packages: ['any'],
  },
  {
    zone: 'src/cli',
    values: ['src/process', 'src/client', 'src/mcp', 'src/config'],
    types: [],
    packages: ['any'],
  },
  {
    zone: 'console',
    values: [],
    types: ['src/wire'],
    packages: ['preact', '@preact/signals', 'zod'],
  },
];

/** Whether a path (`workflows/messages.ts`) lies in a zone (`workflows/messages`, or `workflows`). */
export function isWithin(path: string, zone: string): boolean {
  return path.startsWith(zone) && /^($|[/.-])/.test(path.slice(zone.length));
}

const code = (names: readonly string[]) => (names.length === 0 ? '-' : names.map((name) => `\`${name}\``).join(', '));

/** The table as ARCHITECTURE.md prints it. */
export function renderImportRules(): string {
  const rows = IMPORT_RULES.map(
    ({ zone, values, types, packages }) => `| \`${zone}\` | ${code(values)} | ${code(types)} | ${code(packages)} |`,
  );
  return ['| part | may import | type-only | packages |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
