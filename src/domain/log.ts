/** A log as the parts of a process use it: fields first, then what happened. */

type Say = (fields: object, message: string) => void;

export interface Log {
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
}

/** The same with what is only wanted when something is searched for. */
export interface VerboseLog extends Log {
  readonly trace: Say;
  readonly debug: Say;
}
