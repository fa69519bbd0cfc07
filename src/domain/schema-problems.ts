/** What a schema finds wrong with a value, in our own words: the library's are about its types, and change with it. */

/** An issue as the schema library raises it, as far as it is told of. */
interface RaisedIssue {
  readonly code: string;
  readonly input?: unknown;
  readonly [fact: string]: unknown;
}

/** The same once it stands in an error. */
export interface SchemaIssue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Of a union: what each of its forms has against the value. */
  readonly errors?: readonly (readonly SchemaIssue[])[];
  readonly keys?: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'an ISO 8601 time, such as 2026-01-31T12:00:00Z',
  date: 'an ISO 8601 date, such as 2026-01-31',
  url: 'an http or https URL',
};

const MISSING = 'is missing';

/** What is counted of a text or a list; null of a number. */
const counted = (origin: unknown) => (origin === 'string' ? 'characters' : origin === 'array' ? 'entries' : null);

function tooSmall({ origin, minimum, inclusive }: RaisedIssue): string {
  const unit = counted(origin);
  if (unit === null) return inclusive === false ? `must be above ${minimum}` : `must be at least ${minimum}`;
  return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} ${unit}`;
}

function tooBig({ origin, maximum, inclusive }: RaisedIssue): string {
  const unit = counted(origin);
  if (unit === null) return inclusive === false ? `must be below ${maximum}` : `must be at most ${maximum}`;
  return `must have at most ${maximum} ${unit}`;
}

function oneOf(values: unknown): string {
  const words = Array.isArray(values) ? values.map(String) : [];
  return words.length === 1 ? `must be ${words[0]}` : `must be one of ${words.join(', ')}`;
}

/** Of forms that are told apart by the value's type, what all of them want; else that it fits none. */
function noForm(forms: unknown): string {
  const firsts = Array.isArray(forms) ? forms.map(([first]: readonly SchemaIssue[]) => first) : [];
  const own = firsts.filter((issue) => issue !== undefined && issue.path.length === 0);
  // A value of the right type that is wrong otherwise is nearest to what it is meant for.
  const nearest = own.find((issue) => issue?.code !== 'invalid_type');
  if (nearest !== undefined) return nearest.message;
  const wanted = own.map((issue) => issue?.message.replace(/^must be /, ''));
  return wanted.length > 0 ? `must be ${[...new Set(wanted)].join(' or ')}` : 'has none of the forms that it may have';
}

/** The words of an issue that its schema has none for: an error map of the schema library. */
export function problemWords(issue: RaisedIssue): string {
  if (issue.input === undefined && issue.code !== 'custom') return MISSING;
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[String(issue['expected'])] ?? 'of another type'}`;
    case 'invalid_value':
      return oneOf(issue['values']);
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return tooBig(issue);
    case 'invalid_format':
      return FORMATS[String(issue['format'])] === undefined
        ? 'has not the form that it must have'
        : `must be ${FORMATS[String(issue['format'])]}`;
    case 'invalid_union':
      return issue['options'] === undefined ? noForm(issue['errors']) : oneOf(issue['options']);
    case 'unrecognized_keys':
      return 'is not known here';
    default:
      return 'does not fit';
  }
}

/** What is wrong first, and where; of the forms that a value may have, what the nearest one has against it. */
export function firstProblem(issues: readonly SchemaIssue[]): { readonly path: string; readonly problem: string } {
  const { path, message } = nearest(issues[0]);
  return { path: path.map(String).join('.'), problem: message };
}

function nearest(issue: SchemaIssue | undefined): Pick<SchemaIssue, 'path' | 'message'> {
  if (issue === undefined) return { path: [], message: 'does not fit' };
  const [unknown] = issue.keys ?? [];
  if (unknown !== undefined) {
    return issue.path.length === 0
      ? { path: [unknown], message: issue.message }
      : { path: issue.path, message: `has no member ${unknown}` };
  }
  const [form] = [...(issue.errors ?? [])].sort((a, b) => a.length - b.length);
  const inner = form && nearest(form[0]);
  // What is wrong with the value as a whole the issue says itself.
  return inner === undefined || inner.path.length === 0 ? issue : { ...inner, path: [...issue.path, ...inner.path] };
}
