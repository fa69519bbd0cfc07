/** What an operator should hear of although every clip goes on: counted by account, so that alerts can be made of it. */

export const INCIDENTS = {
  unknown_word: 'The upstream told a state of a task in a word that is not known.',
  lost_answer: 'The answer to a create was lost.',
  answer_given_up: 'A lost answer ended its video, for nothing told what became of the create.',
  create_repeated: 'A create was queued once more after its answer was lost.',
  lane_opened: 'A doubt kept the lane of its account too long, and others go on beside it.',
  grant_taken_back: 'A granted slot was not taken, and was given to another video.',
  task_missing: 'A task was given up that its upstream does not know any more.',
  other_length: 'An archived clip is more than a second longer or shorter than what was asked for.',
} as const;

export type Incident = keyof typeof INCIDENTS;

/** Counts an incident of an account; `word` is what the upstream said, where that is the incident. */
export type CountIncident = (incident: Incident, account: string, word?: string) => void;
