/** A refusal's code and text, the same in all dialects that have no words of their own for it. */

import type { Refusal } from '../domain/failure.ts';

/** What kind of refusal it is, in one lower-case word. */
export function refusalCode({ kind, code }: Refusal): string {
  // X17: what a caller above its own limit is told, whichever of its limits it is.
  return code ?? (kind === 'too_many_videos' ? 'concurrency_limit_exceeded' : kind);
}

/**
 * The parameter at fault under the name that callers know it by; undefined where none is at fault. What begins the text
 * is as they wrote it.
 */
export function shownParam({ param, message }: Refusal, names: ReadonlyMap<string, string>): string | undefined {
  return param === undefined || message.startsWith(`${param}: `) ? param : (names.get(param) ?? param);
}

/** The text, with the parameter at fault in front, under the name that the dialect has for it, where it is not named. */
export function refusalText({ param: ours, message }: Refusal, param: string | undefined = ours): string {
  return param === undefined || message.includes(param) ? message : `${param}: ${message}`;
}
