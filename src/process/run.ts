/** How a long-running command runs: one log, one way to stop, everything closed at the end. */

import { DataDirInUse } from '../catalog/driver/lock.ts';
import { ConfigError } from '../config/settings.ts';
import { withDeadline } from '../domain/deadline.ts';
import { type Log, openLog, openReadableLog } from '../observe/log.ts';
import { Closers } from './closers.ts';
import { listenForStop } from './stop.ts';

/** How long a start waits for other processes, how often it tries, and how often a line says so. */
export interface Patience {
  readonly longestMs: number;
  readonly betweenTriesMs: number;
  readonly betweenLinesMs: number;
}

/** What a process is run with. */
export interface ProcessContext {
  readonly log: Log;
  /** Aborted when the process is told to stop. */
  readonly stop: AbortSignal;
  readonly closers: Closers;
  /** In place of the usual two minutes. */
  readonly patience?: Patience;
}

const CLOSE_AFTER_DEFECT_MS = 10_000;

/**
 * A defect that was not caught leaves the process in an unknown state: it ends, with what it has started, and its
 * supervisor starts it again.
 */
function exitOnDefects(log: Log, closers: Closers): void {
  let isExiting = false;
  const exit = async (error: unknown) => {
    log.fatal({ err: error }, 'unexpected error');
    if (isExiting) return;
    isExiting = true;
    await withDeadline(closers.closeAll(), CLOSE_AFTER_DEFECT_MS, () => undefined);
    process.exit(1);
  };
  process.on('unhandledRejection', exit);
  process.on('uncaughtException', exit);
}

/** Who reads along may stop doing so, as `| head -1` does: that is no reason to end. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** What the operator can do something about is said in words; anything else with its stack. */
function reportFailure(error: unknown, log: Log): void {
  const message = error instanceof Error ? error.message : String(error);
  const isForPeople = error instanceof ConfigError || error instanceof DataDirInUse;
  if (!isForPeople) log.error({ err: error }, 'the command failed');
  process.stderr.write(`clipyard: ${message}\n`);
}

/** How much a process says of itself, and to whom: entries in JSON, or lines for people where `print` is given. */
export interface ProcessLog {
  readonly level: string;
  readonly print?: (line: string) => void;
}

/** Runs the command, closes what it opened and ends the process: 0, or 1 when it failed. */
export async function runProcess(
  { level, print }: ProcessLog,
  command: (context: ProcessContext) => Promise<void>,
): Promise<never> {
  const log = print === undefined ? openLog(level) : openReadableLog(level, print);
  const closers = new Closers(log);
  outliveReaders();
  exitOnDefects(log, closers);
  const stop = listenForStop(log);
  let exitCode = 0;
  try {
    await command({ log, stop, closers });
  } catch (error) {
    // Being told to stop while starting is no failure.
    if (!stop.aborted) {
      exitCode = 1;
      reportFailure(error, log);
    }
  }
  await closers.closeAll();
  process.exit(exitCode);
}
