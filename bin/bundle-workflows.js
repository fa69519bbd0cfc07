// Bundles the workflows compiled in a folder, for failures as they are and for encoded ones, so that no worker does it.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const workflows = resolve(process.argv[2], 'workflows');
const logger = new DefaultLogger('WARN');
for (const [name, options] of [
  ['bundle.js', {}],
  ['bundle-encoding.js', { failureConverterPath: join(workflows, 'encoded-failures.js') }],
]) {
  const { code } = await bundleWorkflowCode({ workflowsPath: join(workflows, 'index.js'), logger, ...options });
  writeFileSync(join(workflows, name), code);
}
