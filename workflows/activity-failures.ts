/** What a failed activity means for its video. */

import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import { VIDEO_FAILURES, type VideoFailure, type VideoFailureKind } from '../src/domain/failure.ts';

/** A failure of this kind, in its own words or in those of the failure table. */
export function failureOf(kind: VideoFailureKind, message?: string): VideoFailure {
  return { kind, message: message ?? VIDEO_FAILURES[kind].meaning, upstream: null };
}

/** The catalog is an older copy of itself, in which the task has not ended. */
export function hasNoResult(error: unknown): boolean {
  return (
    error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.type === 'no_result'
  );
}

/** Only the kinds that the archive names end a video so; a link that outlived its time is an expired one. */
export function archiveFailure(error: unknown): VideoFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && (cause.type === 'result_invalid' || cause.type === 'result_expired')) {
    return failureOf(cause.type, cause.message);
  }
  return failureOf('result_expired', `the clip could not be archived before its link expired: ${String(cause)}`);
}
