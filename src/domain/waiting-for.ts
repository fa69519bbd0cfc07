/** What a video waits for: a closed list of kinds, each said in a sentence of ours. */

/** The kinds of waits, with what each means. */
export const WAITING_KINDS = {
  slot: 'no account that may make it has a free slot',
  account_paused: 'the account that may make it is paused',
  account_suspended:
    'the account that may make it is suspended: its key is refused, or nothing at its base URL takes creates',
  model_suspended: 'the upstream does not let the account use the model for now',
  account_doubtful: 'the answer to an earlier create of the account was lost, and what became of it is being found out',
  lost_answer: 'the answer to its create was lost',
  result_not_ready: 'its result cannot be had yet',
  start_video: 'the video that it starts from has not ended',
  temporal: 'Temporal cannot be told of it for now',
} as const;
export type WaitingKind = keyof typeof WAITING_KINDS;

/** Why a video does not go on, as its snapshot shows it. */
export interface WaitingFor {
  readonly kind: WaitingKind;
  /** ISO 8601. */
  readonly since: string;
  /** When the wait ends by itself; null where that is not known. */
  readonly until: string | null;
  /** A sentence of ours, with the upstream's own words where they are about this clip. */
  readonly detail: string;
}
