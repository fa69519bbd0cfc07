/** The command line of the benchmarks: runs each in a process of its own, prints the table and keeps the figures. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { type BenchOptions, meetsBar, type Outcome, outcomeSchema } from './benchmark.ts';
import { BENCHMARKS } from './benchmarks.ts';
import { renderTable, writeResult } from './report.ts';

const NAMES = [...BENCHMARKS.keys()];

function upTo(most: number) {
  return (text: string): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > most) throw new InvalidArgumentError(`a whole number from 1 to ${most} is wanted.`);
    return value;
  };
}

/** Runs one benchmark to its end; null when it failed, and then its process has said why. */
async function runAlone(name: string, options: BenchOptions): Promise<Outcome | null> {
  const child = fork(fileURLToPath(new URL('./run-benchmark.js', import.meta.url)), [name, JSON.stringify(options)]);
  let outcome: Outcome | null = null;
  child.on('message', (message) => {
    outcome = outcomeSchema.parse(message);
  });
  const stop = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const exitCode = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return exitCode === 0 ? outcome : null;
}

async function run(names: readonly string[], options: BenchOptions): Promise<void> {
  const outcomes = new Map<string, Outcome>();
  const wanted = names.length === 0 ? NAMES : names;
  for (const name of wanted) {
    process.stderr.write(`${name}…\n`);
    const outcome = await runAlone(name, options);
    if (outcome === null) break;
    outcomes.set(name, outcome);
    process.stderr.write(`${name}: ${writeResult(name, outcome)}\n`);
  }
  process.stdout.write(`${renderTable(outcomes, process.stdout.isTTY)}\n`);
  const isMissed = [...outcomes.values()].some(({ comparisons }) => comparisons.some((one) => meetsBar(one) === false));
  process.exitCode = isMissed || outcomes.size < wanted.length ? 1 : 0;
}

await new Command('bench')
  .description(`Measures Clipyard against baselines in the same run: ${NAMES.join(', ')}; all when none is named.`)
  .argument('[names...]', 'which to run')
  .option(
    '--clips <count>',
    'clips of each makespan (60), of idle (8), of a round of batch (60) or costs (100), and before large-batch is cancelled (5,000)',
    upTo(9999),
  )
  .option('--videos <count>', 'videos of scale', upTo(10_000_000), 1_000_000)
  .option('--waiting <count>', 'how many of them wait for a slot', upTo(1_000_000), 100_000)
  .action(async (names: string[], options: BenchOptions, command: Command) => {
    const unknown = names.filter((name) => !BENCHMARKS.has(name));
    if (unknown.length > 0) command.error(`there is no benchmark ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
    await run(names, options);
  })
  .parseAsync();
