/** Types of expressions: what CEL knows, with two additions that find slips: how long a list can be, and which words a text can be. */
import type { Json } from '../core/json.js';
import type { InputType } from '../core/runbook.js';

export type Type =
  /** Not known before run time, or wrong already and reported. */
  | { kind: 'any' }
  | { kind: 'null' | 'bool' | 'int' | 'double' }
  | { kind: 'string'; words?: readonly string[] }
  | { kind: 'list'; of: Type; max?: number }
  | { kind: 'object'; fields: Record<string, Type> };

export const any: Type = { kind: 'any' };
export const bool: Type = { kind: 'bool' };
export const int: Type = { kind: 'int' };
export const text: Type = { kind: 'string' };

export function typeOfInput(input: InputType): Type {
  switch (input.type) {
    case 'number':
      return { kind: 'double' };
    case 'boolean':
      return bool;
    case 'choice':
      return input.choices === undefined ? text : { kind: 'string', words: input.choices };
    case 'list': {
      const of = typeOfInput({ type: (input.of ?? 'string') as InputType['type'] });
      return input.max === undefined ? { kind: 'list', of } : { kind: 'list', of, max: input.max };
    }
    case 'string':
    case 'aws-instance':
    case 'run':
    case 'incident':
      return text;
  }
}

const resultFields: Record<string, Type> = {
  state: { kind: 'string', words: ['done', 'partial', 'failed', 'skipped'] },
  counts: {
    kind: 'object',
    fields: { applied: int, already: int, moved: int, failed: int, outside: int, left: int, unshown: int },
  },
};

/** What expressions may read of a step that has ended. */
export const stepResult: Type = { kind: 'object', fields: resultFields };

/** Of a step that people decide. Where it was skipped, no condition that reads the choice is met. */
export function decisionResult(choices: string[]): Type {
  return { kind: 'object', fields: { ...resultFields, choice: { kind: 'string', words: choices } } };
}

/** Of a step that checks something: what it found, entry by entry. How much that will be nobody knows before. */
export function checkResult(finding: Type): Type {
  return { kind: 'object', fields: { ...resultFields, found: listFound(finding) } };
}

export function listFound(finding: Type): Type {
  return { kind: 'list', of: finding };
}

export function typeOfJson(value: Json): Type {
  if (value === null) return { kind: 'null' };
  if (typeof value === 'boolean') return bool;
  if (typeof value === 'string') return { kind: 'string', words: [value] };
  if (typeof value === 'number') return Number.isInteger(value) ? int : { kind: 'double' };
  if (Array.isArray(value)) return listOf(value.map(typeOfJson));
  return {
    kind: 'object',
    fields: Object.fromEntries(Object.entries(value).map(([key, each]) => [key, typeOfJson(each)])),
  };
}

export function listOf(items: Type[]): Type {
  const of = items.reduce<Type | undefined>((a, b) => (a === undefined ? b : (both(a, b) ?? any)), undefined);
  return { kind: 'list', of: of ?? any, max: items.length };
}

export function isNumber(type: Type): boolean {
  return type.kind === 'int' || type.kind === 'double' || type.kind === 'any';
}

export function is(type: Type, kind: Type['kind']): boolean {
  return type.kind === kind || type.kind === 'any';
}

/** The type of a value that is of one or the other type; undefined when no sensible value is both. */
export function both(a: Type, b: Type): Type | undefined {
  if (a.kind === 'any' || b.kind === 'any') return any;
  if (isNumber(a) && isNumber(b)) return a.kind === 'int' && b.kind === 'int' ? int : { kind: 'double' };
  if (a.kind === 'string' && b.kind === 'string') {
    return a.words && b.words ? oneOfWords(new Set([...a.words, ...b.words])) : text;
  }
  if (a.kind === 'list' && b.kind === 'list') {
    const of = both(a.of, b.of);
    if (of === undefined) return undefined;
    return a.max === undefined || b.max === undefined
      ? { kind: 'list', of }
      : { kind: 'list', of, max: Math.max(a.max, b.max) };
  }
  if (a.kind === 'object' && b.kind === 'object') return bothObjects(a.fields, b.fields);
  return a.kind === b.kind ? a : undefined;
}

/** More words than two choices have between them tell nothing of a text, and each entry of a long list would add one. */
const wordsMax = 200;

function oneOfWords(words: Set<string>): Type {
  return words.size > wordsMax ? text : { kind: 'string', words: [...words] };
}

function bothObjects(a: Record<string, Type>, b: Record<string, Type>): Type | undefined {
  const fields: Record<string, Type> = {};
  for (const [key, type] of Object.entries(a)) {
    const other = b[key];
    const shared = other === undefined ? undefined : both(type, other);
    if (shared !== undefined) fields[key] = shared;
  }
  return { kind: 'object', fields };
}

/** A type as messages say it. */
export function nameOf(type: Type): string {
  switch (type.kind) {
    case 'any':
      return 'anything';
    case 'null':
      return 'null';
    case 'bool':
      return 'true or false';
    case 'int':
    case 'double':
      return 'a number';
    case 'string':
      return 'a text';
    case 'list':
      return 'a list';
    case 'object':
      return 'an object';
  }
}
