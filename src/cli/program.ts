/** The command line: names, options and help of the commands. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { addAccountCommands } from '../client/account-commands.ts';
import { addBatchCommands } from '../client/batch-commands.ts';
import { addCallerCommands } from '../client/caller-commands.ts';
import { addCostCommand } from '../client/cost-command.ts';
import { addFilmCommands } from '../client/film-commands.ts';
import { addListenCommand } from '../client/listen.ts';
import { numberBetween } from '../client/option-values.ts';
import { addVideoCommands } from '../client/video-commands.ts';
import { addWebhookCommands } from '../client/webhook-commands.ts';
import { requireDataDir } from '../config/data-dir.ts';
import { problemOfFolder } from '../config/folder.ts';
import { type Config, ConfigError, loadConfig } from '../config/settings.ts';
import { addMcpCommand } from '../mcp/command.ts';
import type { ProcessContext } from '../process/run.ts';
import { findGateway } from './client-settings.ts';
import { addUpstreamCommands } from './upstreams.ts';
import { describeVersion } from './version.ts';

/** Settings that cannot be used are said in words and end the process; what is merely odd is said. */
function readConfig(keepsFiles: (config: Config) => boolean = () => true): Config {
  try {
    const config = loadConfig();
    for (const warning of config.warnings) process.stderr.write(`${warning}\n`);
    if (keepsFiles(config)) requireDataDir(config.dataDir);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

async function stay(level: Config['logLevel'], run: (context: ProcessContext) => Promise<void>): Promise<void> {
  const { runProcess } = await import('../process/run.ts');
  await runProcess({ level }, run);
}

/** What a command runs is loaded with it: a gateway waits for no worker and holds none of its code in memory. */
type Stays = (config: Config, context: ProcessContext) => Promise<void>;

function stays(load: () => Promise<Stays>, keepsFiles?: (config: Config) => boolean) {
  return async () => {
    const config = readConfig(keepsFiles);
    const command = await load();
    await stay(config.logLevel, (context) => command(config, context));
  };
}

function addProcessCommands(program: Command): void {
  program
    .command('up')
    .description('everything in one process; ready when GET /readyz is 200')
    .action(stays(async () => (await import('../process/commands/up.ts')).up));
  program
    .command('serve')
    .description('the gateway alone; needs DATABASE_URL')
    .action(stays(async () => (await import('../process/commands/serve.ts')).serve));
  program
    .command('work')
    .description('a worker alone; needs DATABASE_URL')
    .action(stays(async () => (await import('../process/commands/work.ts')).work));
  program
    .command('temporal')
    .description('the Temporal dev server alone')
    .action(stays(async () => (await import('../process/commands/temporal.ts')).temporal));
  program
    .command('restore')
    .description(
      'after an older copy of catalog or Temporal was put back: open runs look at their rows before anything is granted',
    )
    .action(stays(async () => (await import('../process/restore.ts')).restore));
  program
    .command('migrate')
    .description('bring catalog tables, Temporal namespace and its search attributes up to date')
    .action(
      stays(
        async () => (await import('../process/migrate.ts')).migrate,
        ({ databaseUrl }) => databaseUrl === null,
      ),
    );
}

function addSandboxCommand(program: Command): void {
  program
    .command('sandbox')
    .description('the stand-in upstream alone')
    .option('--host <host>', 'where to listen', '127.0.0.1')
    .option('--port <port>', '0: any free one', numberBetween(0, 65_535, true), 8788)
    .option('--speed <factor>', 'divides generation times', numberBetween(0.01, 10_000, false), 1)
    .option('--data-dir <dir>', 'keep tasks here across restarts')
    .action(async ({ dataDir, ...options }: { host: string; port: number; speed: number; dataDir?: string }) => {
      const { sandbox } = await import('../process/commands/sandbox.ts');
      await stay('info', (context) => {
        const problem = dataDir === undefined ? null : problemOfFolder(resolve(dataDir));
        if (problem !== null) throw new ConfigError(`--data-dir ${problem}`);
        return sandbox({ ...options, dataDir: dataDir ?? null }, context);
      });
    });
}

function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('make the clips of examples/ as one batch with everything embedded, and verify them')
    .option('--clips <count>', 'how many; the manifest is repeated as needed', numberBetween(1, 10_000, true))
    .option('--json', 'the last line of standard output is one JSON object', false)
    .action(async ({ clips, json }: { clips?: number; json: boolean }) => {
      const config = readConfig();
      const [{ demo }, { runProcess }] = await Promise.all([import('./demo/demo.ts'), import('../process/run.ts')]);
      const stream = json ? process.stderr : process.stdout;
      const print = (line: string) => void stream.write(`${line}\n`);
      await runProcess({ level: 'warn', print }, (context) => demo(config, { clips: clips ?? null, json }, context));
    });
}

function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at everything that a start needs, and say what to do where it is wrong; exit 1 if anything is')
    .option('--json', 'one JSON object', false)
    .action(async (options: { json: boolean }) => {
      const { doctor } = await import('../process/doctor/doctor.ts');
      process.exit((await doctor(options)) ? 0 : 1);
    });
}

/** An id from a variable that is not set would make another route of its path. */
function refuseEmptyArguments(command: Command): void {
  const empty = command.args.findIndex((argument) => argument.trim() === '');
  if (empty < 0) return;
  const name = command.registeredArguments.at(Math.min(empty, command.registeredArguments.length - 1))?.name();
  command.error(`error: argument '${name}' is empty`);
}

/** All commands; nothing is read or started before one of them is parsed. */
export function buildProgram(): Command {
  const program = new Command('clipyard')
    .description('A gateway for AI video generation in which every clip is a Temporal workflow.')
    .option('-V, --version', 'version and commit')
    .on('option:version', () => {
      process.stdout.write(`${describeVersion()}\n`);
      process.exit(0);
    })
    .showHelpAfterError()
    .hook('preAction', (_program, command) => refuseEmptyArguments(command));
  addProcessCommands(program);
  addSandboxCommand(program);
  addDemoCommand(program);
  addDoctorCommand(program);
  addVideoCommands(program, findGateway);
  addBatchCommands(program, findGateway);
  addFilmCommands(program, findGateway);
  addWebhookCommands(program, findGateway);
  addListenCommand(program, findGateway);
  addMcpCommand(program, findGateway);
  addCallerCommands(program, findGateway);
  addCostCommand(program, findGateway);
  addAccountCommands(program, findGateway);
  addUpstreamCommands(program);
  return program;
}
