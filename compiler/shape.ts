/** Checks a document against its schema and says what is wrong in the words of the file, where it is wrong. */
import * as z from 'zod';
import type { Json } from '../core/json.js';
import type { Path, Place } from './place.js';
import { didYouMean, oneOf, type Problem } from './problem.js';
import type { Source } from './source.js';

/** What a schema says of itself, as JSON Schema: the names and descriptions that messages need. */
interface Shape {
  title?: string;
  description?: string;
  properties?: Record<string, Shape>;
  additionalProperties?: Shape | boolean;
  items?: Shape;
  oneOf?: Shape[];
  anyOf?: Shape[];
  const?: Json;
  pattern?: string;
  type?: string;
}

/** The title of schemas of references to secrets: a text in their place is taken for the secret, and not repeated. */
export const secretTitle = 'secret reference';

export interface Checked<T> {
  /** Undefined when something other than an unknown field is wrong; then nothing further can be said of the document. */
  form: T | undefined;
  problems: Problem[];
}

function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any' }) as Shape;
}

export function check<T>(schema: z.ZodType<T>, source: Source): Checked<T> {
  const first = schema.safeParse(source.value);
  if (first.success) return { form: first.data, problems: [] };
  const shape = shapeOf(schema);
  const problems = first.error.issues.flatMap((issue) => explainIssue(issue, shape, source));
  // Without its unknown fields the rest can still be checked, so that a slip does not hide what else is wrong.
  const again = schema.safeParse(withoutUnknown(source.value, first.error.issues));
  return { form: again.data, problems };
}

function explainIssue(issue: z.core.$ZodIssue, root: Shape, source: Source): Problem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  const value = valueAt(source.value, path);
  const shape = shapeAt(root, path, source.value);
  const owner = shapeAt(root, path.slice(0, -1), source.value);
  const name = label(path);
  const say = (place: Place, code: string, message: string, nextStep: string): Problem =>
    source.problem(place, { code, message, nextStep });
  const hint = shape?.description ?? 'Look at the schema or at a shipped example.';

  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(shape?.properties ?? {});
    return issue.keys.map((key) =>
      say(
        { key: [...path, key] },
        'shape.unknown-field',
        `unknown ${fieldOf(shape)} "${key}"${didYouMean(key, known)}`,
        oneOf(known),
      ),
    );
  }
  if (value === undefined) {
    return [say({ value: path }, 'shape.missing', `this ${owner?.title ?? 'document'} lacks ${name}`, hint)];
  }
  switch (issue.code) {
    case 'invalid_value':
      return [
        say(
          { value: path },
          'shape.unknown-value',
          unknownValue(name, value, issue.values.map(String)),
          oneOf(issue.values.map(String)),
        ),
      ];
    case 'invalid_union': {
      // Set where the alternatives are told apart by one field; its type does not say so.
      const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      if (shape?.title === secretTitle && typeof value === 'string') {
        return [
          say(
            { value: path },
            'secret.literal',
            `${name} must be a reference to a secret, not the secret itself`,
            hint,
          ),
        ];
      }
      if (options.length === 0)
        return [say({ value: path }, 'shape.wrong-type', `${name} is not written as it must be`, hint)];
      return [say({ value: path }, 'shape.unknown-value', unknownValue(name, value, options), oneOf(options))];
    }
    case 'invalid_type':
      return [
        say(
          { value: path },
          'shape.wrong-type',
          `${name} must be ${kindNames[issue.expected] ?? issue.expected}, not ${kindOf(value)}`,
          hint,
        ),
      ];
    case 'invalid_key': {
      const why = issue.issues.map((each) => each.message).join(' and ');
      return [say({ key: path }, 'shape.bad-name', `the name ${JSON.stringify(path.at(-1))} ${why}`, 'Rename it.')];
    }
    case 'too_small':
    case 'too_big':
      return [say({ value: path }, 'shape.out-of-range', `${name} ${limit(issue)}`, hint)];
    case 'invalid_format':
    case 'custom':
      return [say({ value: path }, 'shape.bad-value', `${name} ${issue.message}`, hint)];
    default:
      return [say({ value: path }, 'shape.bad-value', `${name} is not written as it must be: ${issue.message}`, hint)];
  }
}

function unknownValue(name: string, value: Json, valid: string[]): string {
  if (typeof value !== 'string')
    return `${name} must be ${valid.length === 1 ? `"${valid[0]}"` : 'one of a few words'}, not ${kindOf(value)}`;
  if (valid.length === 1) return `${name} must be "${valid[0]}", not "${value}"`;
  return `unknown ${name} "${value}"${didYouMean(value, valid)}`;
}

function limit(issue: Extract<z.core.$ZodIssue, { code: 'too_small' | 'too_big' }>): string {
  const [side, bound] = issue.code === 'too_small' ? ['at least', issue.minimum] : ['at most', issue.maximum];
  const unit = { string: ' characters', array: ' entries', set: ' entries', object: ' entries' }[
    issue.origin as string
  ];
  return unit === undefined ? `must be ${side} ${bound}` : `must have ${side} ${bound}${unit}`;
}

/** `step field`; a list or a plain value has no fields of its own. */
function fieldOf(shape: Shape | undefined): string {
  return shape?.title === undefined ? 'field' : `${shape.title} field`;
}

/** The last name on the way to a value, as in `"from"`; the entry of a list is `an entry of "from"`. */
function label(path: Path): string {
  const named = path.findLast((part) => typeof part === 'string');
  if (named === undefined) return 'this document';
  return typeof path.at(-1) === 'number' ? `an entry of "${named}"` : `"${named}"`;
}

const kindNames: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
  record: 'a group of fields',
};

function kindOf(value: Json): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return kindNames[typeof value] ?? typeof value;
}

function valueAt(value: Json, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const part of path) {
    if (Array.isArray(at) && typeof part === 'number') at = at[part];
    else if (typeof at === 'object' && at !== null && !Array.isArray(at) && Object.hasOwn(at, part)) at = at[part];
    else return undefined;
  }
  return at;
}

/** The part of the schema for a path; where there are alternatives, the one whose fixed fields the value has. */
function shapeAt(root: Shape, path: Path, value: Json): Shape | undefined {
  let shape = chosen(root, value);
  for (const [index, part] of path.entries()) {
    const next: Shape | undefined =
      typeof part === 'number'
        ? shape?.items
        : (shape?.properties?.[part] ??
          (typeof shape?.additionalProperties === 'object' ? shape.additionalProperties : undefined));
    shape = chosen(next, valueAt(value, path.slice(0, index + 1)));
  }
  return shape;
}

function chosen(shape: Shape | undefined, value: Json | undefined): Shape | undefined {
  if (shape?.oneOf === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return shape;
  const branch = shape.oneOf.find(({ properties = {} }) =>
    Object.entries(properties).every(([key, each]) => each.const === undefined || each.const === value[key]),
  );
  return branch === undefined ? shape : { ...shape, ...branch };
}

function withoutUnknown(value: Json, issues: z.core.$ZodIssue[]): Json {
  const copy = structuredClone(value);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const owner = valueAt(
      copy,
      issue.path.filter((part) => typeof part !== 'symbol'),
    );
    if (typeof owner === 'object' && owner !== null && !Array.isArray(owner))
      for (const key of issue.keys) delete owner[key];
  }
  return copy;
}
