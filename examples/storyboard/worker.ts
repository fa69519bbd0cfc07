/** A worker for the storyboard workflow: another team's process, which knows Clipyard by its task queue alone. */

import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';

const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233' });
const worker = await Worker.create({
  connection,
  taskQueue: 'storyboards',
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
});
await worker.run();
