// Bundles the workflows compiled in a folder into one file, so that no worker does it at its start.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const workflows = resolve(process.argv[2], 'workflows');
const logger = new DefaultLogger('WARN');
const { code } = await bundleWorkflowCode({ workflowsPath: join(workflows, 'index.js'), logger });
writeFileSync(join(workflows, 'bundle.js'), code);
