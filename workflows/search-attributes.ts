/** The search attributes by which operators filter videos in the Temporal UI. */

import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

export const SEARCH_ATTRIBUTES = {
  videoState: defineSearchAttributeKey('VideoState', SearchAttributeType.KEYWORD),
  callerId: defineSearchAttributeKey('CallerId', SearchAttributeType.KEYWORD),
  provider: defineSearchAttributeKey('Provider', SearchAttributeType.KEYWORD),
  model: defineSearchAttributeKey('Model', SearchAttributeType.KEYWORD),
  batchId: defineSearchAttributeKey('BatchId', SearchAttributeType.KEYWORD),
  account: defineSearchAttributeKey('Account', SearchAttributeType.KEYWORD),
  failureKind: defineSearchAttributeKey('FailureKind', SearchAttributeType.KEYWORD),
};
