/** A slot: the right to have one task at an account, granted to one video by a row of its submission. */

import type { ProviderName } from './vendor.ts';

/** A slot that was granted, as its video's workflow is told of it. */
export interface GrantedSlot {
  readonly submissionId: string;
  readonly account: string;
  readonly provider: ProviderName;
}

/** The same with whose workflow has to be told. */
export interface Grant extends GrantedSlot {
  readonly videoId: string;
}
