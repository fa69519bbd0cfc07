/** `rearchiveVideo`: fetches the clip of an ended video once more, because its file is missing. */

import { archiving } from './activity-options.ts';
import type { RearchiveVideoInput } from './messages.ts';
import { failureOfRun, findActivityFailure } from './run.ts';

/** Fails with the type `result_expired` or `result_invalid` where the upstream's link no longer leads to the clip. */
export async function rearchiveVideo({ videoId, resultExpiresAt }: RearchiveVideoInput): Promise<void> {
  try {
    await archiving(Date.parse(resultExpiresAt) - Date.now()).rearchiveVideo({ videoId });
  } catch (error) {
    const cause = findActivityFailure(error);
    throw cause ? failureOfRun(cause.type, cause.message, { cause }) : error;
  }
}
