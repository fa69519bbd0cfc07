/** The example's workflow, and one that asks for any operation with any input, as a program that has no types would. */

import { createNexusServiceClient } from '@temporalio/workflow';
import { clipyard } from '../../examples/nexus/contract.ts';

export { trailer } from '../../examples/nexus/workflows.ts';

export interface Asked {
  readonly endpoint?: string;
  readonly operation: keyof (typeof clipyard)['operations'];
  readonly input: unknown;
}

export async function ask({ endpoint = 'clipyard', operation, input }: Asked): Promise<unknown> {
  const client = createNexusServiceClient({ service: clipyard, endpoint });
  return await client.executeOperation(operation, input as never);
}
