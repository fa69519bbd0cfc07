/** Descriptions of upstream APIs: where those lie that are shipped, and reading one with its mistakes named by their place. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Document, isMap, isNode, isScalar, LineCounter, type Pair, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Description, descriptionSchema } from '../wire/description.ts';
import { type Abilities, abilitiesOf } from '../wire/description-abilities.ts';
import { didYouMean } from './closest-name.ts';
import { ConfigError } from './entry.ts';
import { packageRoot } from './package-root.ts';

/** A longer one describes no API. */
const MOST_BYTES = 64 * 1024;

type Path = readonly PropertyKey[];

/** What is wrong with a description, and where: lines and columns count from 1. */
export interface DescriptionProblem {
  /** `status.words.failed`; empty for the whole file. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A description that cannot be used. */
export class DescriptionError extends ConfigError {
  readonly problems: readonly DescriptionProblem[];

  constructor(file: string, problems: readonly DescriptionProblem[]) {
    const lines = problems.map(({ path, line, column, message }) => {
      return `${basename(file)}:${line}:${column}: ${path === '' ? 'the file' : path} ${message}`;
    });
    super(lines.join('\n'));
    this.problems = problems;
  }
}

function shippedFolder(): string {
  return join(packageRoot(), 'upstreams');
}

/** The names of the descriptions that are shipped, in order. */
export function shippedDescriptions(): readonly string[] {
  return readdirSync(shippedFolder())
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/** Where a shipped description lies. */
export function shippedFile(name: string): string {
  return join(shippedFolder(), `${name}.yaml`);
}

/**
 * The file that `api` names: a shipped one, or a path, which is relative to the folder of clipyard.yaml.
 * @throws ConfigError for a name that is none of those shipped.
 */
export function descriptionFile(api: string, configFile: string): string {
  if (/[/\\]|\.ya?ml$/i.test(api)) return resolve(dirname(configFile), api);
  const shipped = shippedDescriptions();
  if (shipped.includes(api)) return shippedFile(api);
  const known = `those shipped are ${shipped.join(', ')}, and a file of your own is named by its path`;
  throw new ConfigError(`names ${api}, which is no description${didYouMean(api, shipped)}; ${known}`);
}

/** A description that is shipped, for people. */
export interface ShippedDescription {
  readonly name: string;
  readonly title: string | null;
  readonly baseUrl: string | null;
  readonly abilities: Abilities;
}

/** All that are shipped. */
export function describeShipped(): readonly ShippedDescription[] {
  return shippedDescriptions().map((name) => {
    const description = readDescription(shippedFile(name));
    const { title = null, baseUrl = null } = description;
    return { name, title, baseUrl, abilities: abilitiesOf(description) };
  });
}

/**
 * One that is shipped, with the comments of its file.
 * @throws ConfigError for a name that is none.
 */
export function readShippedText(name: string): { readonly text: string; readonly description: Description } {
  const shipped = shippedDescriptions();
  if (!shipped.includes(name)) {
    throw new ConfigError(
      `${name} is no description${didYouMean(name, shipped)}; those shipped are ${shipped.join(', ')}`,
    );
  }
  const text = readBounded(shippedFile(name));
  return { text, description: parseDescription(text, shippedFile(name)) };
}

/**
 * Reads a description.
 * @throws DescriptionError with each problem and its place, ConfigError where the file cannot be read.
 */
export function readDescription(file: string): Description {
  return parseDescription(readBounded(file), file);
}

function readBounded(file: string): string {
  let problem = `is larger than ${MOST_BYTES} bytes`;
  try {
    if (statSync(file).size <= MOST_BYTES) return readFileSync(file, 'utf8');
  } catch (error) {
    problem = `cannot be read: ${(error as Error).message}`;
  }
  throw new ConfigError(`${basename(file)} ${problem}`);
}

/** The same of the text of a file. */
export function parseDescription(text: string, file: string): Description {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const [broken] = document.errors;
  if (broken)
    throw new DescriptionError(file, [{ path: '', ...at(broken.pos[0]), message: `is not YAML: ${broken.message}` }]);
  const content = plainContent(document, file);
  const parsed = descriptionSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, content));
  throw new DescriptionError(
    file,
    problems.map(({ path, message }) => ({ path: printPath(path), ...at(offsetOf(document, path)), message })),
  );
}

/** Aliases may grow into more than can be held, which the library refuses. */
function plainContent(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw new DescriptionError(file, [{ path: '', line: 1, column: 1, message: (error as Error).message }]);
  }
}

interface Problem {
  readonly path: Path;
  readonly message: string;
}

function problemsOf(issue: z.core.$ZodIssue, content: unknown): readonly Problem[] {
  // What stands for a list of one has no position of its own.
  const path = issue.path.filter((part, index) => {
    return typeof part !== 'number' || Array.isArray(valueAt(content, issue.path.slice(0, index)));
  });
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known key' }));
  }
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message: sentence(message) }));
  if (issue.code !== 'custom' && valueAt(content, path) === undefined) return [{ path, message: 'is missing' }];
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    return [{ path, message: `is not of the type ${issue.expected}` }];
  }
  return [{ path, message: sentence(issue.message) }];
}

/** Messages of the library's own begin with a capital. */
function sentence(message: string): string {
  return /^[a-z]/.test(message) ? message : `cannot be used: ${message}`;
}

function valueAt(content: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (value == null ? undefined : Reflect.get(Object(value), key)), content);
}

/** `models[0].id`; empty for the whole. */
export function printPath(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

/** Where a path stands in the file: at its key, or at the nearest one above it that is there. */
function offsetOf(document: Document, path: Path): number {
  let offset = isNode(document.contents) ? (document.contents.range?.[0] ?? 0) : 0;
  let node: unknown = document.contents;
  for (const key of path) {
    const pair: Pair | undefined = isMap(node)
      ? node.items.find((one) => isScalar(one.key) && String(one.key.value) === String(key))
      : undefined;
    node = pair
      ? pair.value
      : isNode(node) && 'get' in node
        ? document.getIn(path.slice(0, path.indexOf(key) + 1), true)
        : undefined;
    const place = pair && isNode(pair.key) ? pair.key : node;
    if (!isNode(place)) break;
    offset = place.range?.[0] ?? offset;
  }
  return offset;
}
