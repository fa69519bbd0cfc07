/** How failures become payloads where payloads are encrypted: with their messages and stacks, which may tell of prompts. */

import { DefaultFailureConverter } from '@temporalio/common';

/** Taken by this name by the SDK, in workers, clients and the workflows' sandbox alike. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
