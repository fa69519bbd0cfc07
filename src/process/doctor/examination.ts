/** Looking at everything that a start needs: each thing by itself, none waiting for another, and what to do where it fails. */

import { withDeadline } from '../../domain/deadline.ts';

/** What was found of one thing. */
export interface Finding {
  readonly name: string;
  readonly isRight: boolean;
  /** What is there, or what is wrong. */
  readonly detail: string;
  /** What to do; null where nothing is wrong. */
  readonly advice: string | null;
}

/** Something that is wrong, in words, with what to do about it. */
export class Ailment extends Error {
  override readonly name = 'Ailment';
  readonly advice: string;

  constructor(problem: string, advice: string) {
    super(problem);
    this.advice = advice;
  }
}

/** One thing to look at. */
export interface Examination {
  readonly name: string;
  /** Says what is there; throws `Ailment`, or what a library throws. */
  look(): Promise<string>;
  /** For failures that say no more than what they are. */
  readonly advice: string;
}

/** For one exchange with a server. */
export const EXCHANGE_MS = 5_000;

const LOOK_MS = 15_000;

/** Looks at all of them at once. */
export async function examine(all: readonly Examination[]): Promise<readonly Finding[]> {
  return await Promise.all(all.map(lookAt));
}

async function lookAt({ name, look, advice }: Examination): Promise<Finding> {
  const late = () => {
    throw new Error(`no answer within ${LOOK_MS / 1000} s`);
  };
  try {
    return { name, isRight: true, detail: await withDeadline(look(), LOOK_MS, late), advice: null };
  } catch (error) {
    const found = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
    const detail = found instanceof Error ? found.message : String(found);
    return { name, isRight: false, detail, advice: error instanceof Ailment ? error.advice : advice };
  }
}

/** For people, a line for each and one for what to do. */
export function printFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, isRight, detail, advice }) => [
    `${isRight ? 'ok   ' : 'wrong'} ${name.padEnd(width)} ${detail}`,
    ...(advice === null ? [] : [`${' '.repeat(width + 7)}${advice}`]),
  ]);
  return lines.join('\n');
}
