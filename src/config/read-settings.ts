/** Reading settings: what the environment gives for each row of their tables, and what is said of what cannot be used. */

import type { z } from 'zod';
import { didYouMean } from './closest-name.ts';
import { ConfigError, type Environment, exampleOf } from './entry.ts';
import { SETTINGS, type Setting } from './environment.ts';

/** What settings are once they are read; null where an absent one has no default. */
export type Values<Settings extends Readonly<Record<string, Setting>>> = {
  readonly [Key in keyof Settings]: undefined extends z.output<Settings[Key]['schema']>
    ? NonNullable<z.output<Settings[Key]['schema']>> | null
    : z.output<Settings[Key]['schema']>;
};

/** A problem with a setting, in words, with an example. */
export function complain(setting: Setting, problem: string): string {
  const { name } = setting;
  return `${name} ${problem}; for example ${name}=${exampleOf(setting)}`;
}

/** An empty value counts as absent, as compose files leave them. */
export function withoutEmpty(environment: Environment): Record<string, string> {
  const given = Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  return Object.fromEntries(given);
}

/**
 * Reads these settings.
 * @throws ConfigError naming every one that cannot be used, its problem and an example.
 */
export function readSettings<Settings extends Readonly<Record<string, Setting>>>(
  settings: Settings,
  environment: Environment,
): Values<Settings> {
  const problems = new Set<string>();
  const values = Object.entries(settings).map(([key, setting]) => {
    const { success, data, error } = setting.schema.safeParse(environment[setting.name]);
    for (const { message } of error?.issues ?? []) problems.add(complain(setting, message));
    return [key, success ? (data ?? null) : null] as const;
  });
  if (problems.size > 0) throw new ConfigError([...problems].join('\n'));
  return Object.fromEntries(values) as Values<Settings>;
}

/** Names that Clipyard alone reads. */
const OURS = /^CLIPYARD_/;

/**
 * Names that are meant for us and that nothing reads, with a line that says so. They are no reason to stop: Kubernetes
 * names the ports of a service `clipyard` so, and what another version reads may stay set.
 */
export function unknownNames(environment: Environment, alsoRead: readonly string[]) {
  const known: readonly string[] = Object.values(SETTINGS).map(({ name }) => name);
  const unread = Object.keys(environment).filter((name) => OURS.test(name) && ![...known, ...alsoRead].includes(name));
  return unread.map((name) => {
    const hint = didYouMean(name, known);
    return { line: `${name} is no setting of this version, and ignored${hint}`, isMisspelt: hint !== '' };
  });
}
