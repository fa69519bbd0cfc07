/** How a command against a running gateway runs: one client, one way to stop, failures in words, and the exit code. */

import { constants } from 'node:os';
import type { Command } from 'commander';
import { CommandFailure, type GatewayAddress, GatewayClient, Interrupted, LeftRunning } from './gateway-client.ts';
import { type Output, oneLine, openOutput } from './output.ts';

/** Finds the gateway in the settings. @throws CommandFailure that says what to set. */
export type FindGateway = () => GatewayAddress;

/** What a command is run with. */
export interface Session {
  readonly gateway: GatewayClient;
  readonly output: Output;
}

/** The option that all of these commands have. */
export const JSON_OPTION = ['--json', "one JSON value on standard output, in the gateway's own shape"] as const;

/** Whether it was given. */
export interface JsonFlag {
  readonly json?: boolean;
}

/** Prints a failure as the last thing that a command does. */
function reportFailure(error: unknown): void {
  const isKnown = error instanceof CommandFailure || isSystemError(error);
  const message = error instanceof Error ? error.message : String(error);
  // The others are defects of ours, and their stack is needed to mend them.
  const words = isKnown ? oneLine(message) : ((error as Error).stack ?? message);
  process.stderr.write(`clipyard: ${words}\n`);
  process.exitCode = error instanceof CommandFailure ? error.exitCode : 1;
}

/** What the operating system refuses (a folder that is not there, a full disk) says what it is. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code in constants.errno;
}

/** Ends quietly when the program that reads our output (`| head`) has read enough, and in words where it cannot be written. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    reportFailure(error);
    process.exit();
  });
}

/** Runs a command's work; its exit code is 1 when it throws, or what the failure says. */
export async function runCommand(
  findGateway: FindGateway,
  { json = false }: JsonFlag,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  endWithReader();
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let gateway: GatewayClient | null = null;
  try {
    gateway = new GatewayClient(findGateway(), interrupted.signal);
    await work({ gateway, output: openOutput(json) });
  } catch (error) {
    const isExpected = !interrupted.signal.aborted || error instanceof LeftRunning;
    reportFailure(isExpected ? error : new Interrupted('interrupted'));
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await gateway?.close();
  }
}

/** A command that takes an id and nothing else. */
export interface IdCommand {
  readonly name: string;
  readonly description: string;
  work(session: Session, id: string): Promise<void>;
}

/** Adds it to its group. */
export function addIdCommand(group: Command, findGateway: FindGateway, { name, description, work }: IdCommand): void {
  group
    .command(name)
    .argument('<id>')
    .description(description)
    .option(...JSON_OPTION)
    .action((id: string, options: JsonFlag) => runCommand(findGateway, options, (session) => work(session, id)));
}
