/** What the documents say of settings and of clipyard.yaml's keys, printed from their tables; and the two examples. */

import { type Entry, exampleOf, printDefault } from '../../src/config/entry.ts';
import { COMMAND_SETTINGS, PROCESS_SETTINGS, SETTINGS } from '../../src/config/environment.ts';
import { FILE_KEYS, type FileKey } from '../../src/config/file-keys.ts';
import { code, printTable, wrap } from './table.ts';

const WIDTH = 110;

const isRequired = ({ schema }: Entry) => !schema.safeParse(undefined).success;

function absenceOf(entry: Entry): string {
  if (entry.absent !== undefined || isRequired(entry)) return entry.absent ?? '';
  const printed = printDefault(entry);
  return printed === '[]' || printed === undefined ? 'none' : code(printed);
}

type Settings = Readonly<Record<string, Entry & { readonly name: string; readonly isSecret?: true }>>;

function printSettings(settings: Settings): string {
  const rows = Object.values(settings).map((setting) => [code(setting.name), absenceOf(setting), setting.meaning]);
  return printTable(['name', 'default', 'meaning'], rows);
}

function printKeys(keys: Readonly<Record<string, FileKey>>): string {
  const rows = Object.entries(keys).map(([key, entry]) => [code(key), absenceOf(entry), entry.meaning]);
  return printTable(['key', 'default', 'meaning'], rows);
}

const { accounts, models } = FILE_KEYS;

/** The parts of docs/settings.md. */
export const SETTING_PARTS = {
  'settings of processes': () => printSettings(PROCESS_SETTINGS),
  'settings of commands': () => printSettings(COMMAND_SETTINGS),
  'keys of the file': () => printKeys(FILE_KEYS),
  'keys of an account': () => printKeys(accounts.keys),
  'keys of timing': () => printKeys(accounts.keys.timing.keys),
  'keys of a model': () => printKeys(models.keys),
};

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** .env.example. */
export function printEnvironmentExample(): string {
  const head =
    'Copy to .env. Everything has a default: an empty file starts the embedded mode with the sandbox as upstream. ' +
    'Printed by `npm run docs`; docs/settings.md has the defaults.';
  const blocks = Object.values<Settings[string]>(SETTINGS).map((setting) => {
    const example = setting.isSecret === true ? '' : exampleOf(setting);
    return `${wrap(sentence(setting.meaning), '# ', WIDTH)}\n#${setting.name}=${example}`;
  });
  const key = exampleOf(accounts.keys.apiKeyEnv);
  const keys = `${wrap('And the keys of upstream accounts, by the names that clipyard.yaml gives them.', '# ', WIDTH)}\n#${key}=`;
  return `${[wrap(head, '# ', WIDTH), ...blocks, keys].join('\n\n')}\n`;
}

/** One entry of a list of the file; what may be absent is commented out. */
function printEntry(keys: Readonly<Record<string, FileKey>>): string {
  const lines = Object.entries(keys).map(([key, entry]) => {
    const isOff = !isRequired(entry) && entry.isShown !== true;
    return `${wrap(sentence(entry.meaning), '    # ', WIDTH)}\n    ${isOff ? '# ' : ''}${key}: ${exampleOf(entry)}`;
  });
  // The dash that begins the entry stands before its first key.
  return lines
    .join('\n')
    .replace(/^ {4}/, '  ')
    .replace(/^ {4}(?=\w)/m, '  - ');
}

/** clipyard.example.yaml. */
export function printFileExample(): string {
  const head =
    'Copy to clipyard.yaml, or name it in CLIPYARD_CONFIG; without it the sandbox is the upstream. ' +
    'Printed by `npm run docs`; docs/settings.md has the defaults.';
  const lists = Object.entries(FILE_KEYS).map(
    ([key, { meaning, keys }]) => `${wrap(sentence(meaning), '# ', WIDTH)}\n${key}:\n${printEntry(keys)}\n`,
  );
  return `${wrap(head, '# ', WIDTH)}\n${lists.join('')}`;
}
