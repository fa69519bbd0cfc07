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
  { zone: 'src/storage', values: ['src/domain'], types: [], packages: ['any'] },
  { zone: 'src/catalog', values: ['src/domain'], types: ['src/config'], packages: ['any'] },
  {
    zone: 'workflows',
    values: ['src/domain'],
    types: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  {
    zone: 'activities',
    values: ['src/domain', 'src/net', 'src/catalog', 'src/storage'],
    types: ['src/config', 'src/providers', 'src/temporal'],
    packages: ['node', '@temporalio/activity', '@temporalio/common'],
  },
  {
    zone: 'src/gateway',
    values: ['src/domain', 'src/catalog', 'src/storage'],
    types: ['src/temporal/workflow-control'],
    packages: ['any'],
  },
  {
    zone: 'src/http',
    values: ['src/domain', 'src/dialects', 'src/storage', 'src/catalog'],
    types: ['src/gateway', 'src/config'],
    packages: ['any'],
  },
  {
    zone: 'src/metrics',
    values: ['src/domain', 'src/net', 'src/catalog'],
    types: ['src/providers', 'src/storage', 'src/http'],
    packages: ['any'],
  },
  { zone: 'src/sandbox', values: ['src/domain', 'src/wire'], types: [], packages: ['any'] },
  { zone: 'src/config', values: ['src/domain'], types: [], packages: ['any', '@temporalio/envconfig'] },
  { zone: 'src/logging', values: [], types: [], packages: ['any', '@temporalio/worker'] },
  {
    zone: 'src/temporal',
    values: ['src/domain', 'workflows/messages', 'workflows/search-attributes'],
    types: ['src/config', 'src/logging', 'workflows', 'activities'],
    packages: ['any', '@temporalio/client', '@temporalio/common', '@temporalio/worker'],
  },
  { zone: 'src/client', values: ['src/domain', 'src/net'], types: [], packages: ['any'] },
  {
    zone: 'src/cli',
    values: ['src', 'workflows', 'activities'],
    types: [],
    packages: ['any', '@temporalio/client', '@temporalio/worker'],
  },
];

/** Whether a path (`src/config-file.ts`) lies in a zone (`src/config`). */
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
