/** How a task whose create answer was lost is told from the other tasks in its account's list. */

/** A task as an account's list shows it; what the list leaves out is undefined. */
export interface ListedTask {
  readonly taskId: string;
  /** By the upstream's clock. */
  readonly createdAtMs: number | undefined;
  readonly model?: string | undefined;
  readonly prompt?: string | undefined;
  readonly durationSeconds?: number | undefined;
}

/** The create whose answer was lost. */
export interface LostCreate {
  readonly prompt: string;
  /** When it was sent, by the upstream's clock: our clock corrected by the `Date` of the upstream's answers. */
  readonly sentAtMs: number;
  /** Prompts of other creates whose tasks the same list may show: in doubt, or given up without an answer. */
  readonly rivals: readonly string[];
}

/** What a list shows of a lost create, among the tasks that belong to no submission. */
export interface Sighting {
  /** Tasks that can be its own. */
  readonly candidates: readonly ListedTask[];
  /** Tasks that are not its own by their words, and no rival's either: what they are cannot be told. */
  readonly strangers: readonly ListedTask[];
}

/** The lists print whole seconds, so a task may seem to be up to a second older than its create. */
const CLOCK_GRAIN_MS = 1000;

/** Whether a prompt that a list shows may be the one that was sent: upstreams trim what they are sent. */
export const isSamePrompt = (prompt: string, other: string): boolean => prompt.trim() === other.trim();

/**
 * Looks for the create among unclaimed tasks. Another prompt and an older time rule a task out; model and length do not,
 * since servers normalise both. Beside rivals, and where the list shows no time, a task has to show its prompt; no rival
 * may have the same one.
 */
export function sight(unclaimed: readonly ListedTask[], { prompt, sentAtMs, rivals }: LostCreate): Sighting {
  const isOlder = ({ createdAtMs }: ListedTask) => createdAtMs !== undefined && createdAtMs < sentAtMs - CLOCK_GRAIN_MS;
  const isOwn = ({ prompt: shown, createdAtMs }: ListedTask) =>
    shown === undefined ? rivals.length === 0 && createdAtMs !== undefined : isSamePrompt(shown, prompt);
  const isRuledOut = ({ prompt: shown, createdAtMs }: ListedTask) =>
    shown !== undefined && (createdAtMs === undefined || rivals.some((one) => isSamePrompt(one, shown)));
  const isContested = rivals.some((one) => isSamePrompt(one, prompt));
  const left = unclaimed.filter((task) => !isOlder(task));
  if (isContested) return { candidates: [], strangers: left };
  return { candidates: left.filter(isOwn), strangers: left.filter((task) => !isOwn(task) && !isRuledOut(task)) };
}
