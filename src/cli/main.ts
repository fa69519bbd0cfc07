/** The command line: names, options and help of the commands. */

import { Command, InvalidArgumentError } from 'commander';
import { type Config, ConfigError, loadConfig } from '../config.ts';
import { openLog } from '../logging.ts';
import { demo, openReadableLog } from './demo.ts';
import { migrate } from './migrate.ts';
import { type ProcessContext, runProcess } from './run-process.ts';
import { sandbox, serve, temporal, up, work } from './serve-commands.ts';

function numberBetween(min: number, max: number, isWhole: boolean) {
  return (text: string): number => {
    const value = Number(text);
    const fits = text.trim() !== '' && value >= min && value <= max && (!isWhole || Number.isInteger(value));
    if (!fits) throw new InvalidArgumentError(`a ${isWhole ? 'whole ' : ''}number from ${min} to ${max} is wanted.`);
    return value;
  };
}

/** Settings that cannot be used are said in words and end the process. */
function readConfig(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

function stays(command: (config: Config, context: ProcessContext) => Promise<void>) {
  return async () => {
    const config = readConfig();
    await runProcess(openLog(config.logLevel), (context) => command(config, context));
  };
}

const program = new Command('clipyard')
  .description('A gateway for AI video generation in which every clip is a Temporal workflow.')
  .showHelpAfterError();

program.command('up').description('everything in one process').action(stays(up));
program.command('serve').description('the gateway alone; needs DATABASE_URL').action(stays(serve));
program.command('work').description('a worker alone; needs DATABASE_URL').action(stays(work));
program.command('temporal').description('the Temporal dev server alone').action(stays(temporal));
program.command('migrate').description('bring catalog and Temporal namespace up to date').action(stays(migrate));

program
  .command('sandbox')
  .description('the stand-in upstream alone')
  .option('--host <host>', 'where to listen', '127.0.0.1')
  .option('--port <port>', '0: any free one', numberBetween(0, 65_535, true), 8788)
  .option('--speed <factor>', 'divides generation times', numberBetween(0.01, 10_000, false), 1)
  .option('--data-dir <dir>', 'keep tasks here across restarts')
  .action(async ({ dataDir, ...options }: { host: string; port: number; speed: number; dataDir?: string }) => {
    await runProcess(openLog('info'), (context) => sandbox({ ...options, dataDir: dataDir ?? null }, context));
  });

program
  .command('demo')
  .description('make the clips of examples/ with everything embedded, and verify them')
  .option('--clips <count>', 'how many; the manifest is repeated as needed', numberBetween(1, 10_000, true))
  .option('--json', 'the last line of standard output is one JSON object', false)
  .action(async ({ clips, json }: { clips?: number; json: boolean }) => {
    const config = readConfig();
    const stream = json ? process.stderr : process.stdout;
    const log = openReadableLog('warn', (line) => stream.write(`${line}\n`));
    await runProcess(log, (context) => demo(config, { clips: clips ?? null, json }, context));
  });

await program.parseAsync();
