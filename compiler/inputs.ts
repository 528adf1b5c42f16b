/**
 * Reads the inputs of a launch, as typed in Slack or a terminal (all of them texts, lists with commas) or given as JSON.
 * Everything that is wrong is said at once: a responder should correct a form one time.
 */
import { FirebreakError } from '../core/errors.js';
import type { Inventory } from '../core/inventory.js';
import type { Json } from '../core/json.js';
import type { InputType, Runbook } from '../core/runbook.js';
import { didYouMean, oneOf } from './problem.js';

/** A text without a `max` of its own is cut off here: inputs stand on cards and in every journal entry of the launch. */
const textMax = 10_000;

/** Where an id is wanted, a name of the inventory stands for it. */
export function readInputs(
  runbook: Pick<Runbook, 'name' | 'inputs'>,
  raw: Record<string, Json>,
  inventory: Inventory = {},
): Record<string, Json> {
  const known = Object.keys(runbook.inputs);
  const unknown = Object.keys(raw).filter((name) => !known.includes(name));
  const faults = unknown.map((name) => `unknown input "${name}"${didYouMean(name, known)}`);
  const values: Record<string, Json> = {};
  for (const [name, type] of Object.entries(runbook.inputs)) {
    const given = Object.hasOwn(raw, name) ? raw[name] : undefined;
    if (given === undefined || isBlank(given)) {
      if (type.default !== undefined) values[name] = type.default;
      else if (type.optional !== true) faults.push(`input "${name}" is missing`);
      continue;
    }
    const read = readInput(name, type, given, inventory);
    faults.push(...read.faults);
    if (read.faults.length === 0) values[name] = read.value;
  }
  if (faults.length > 0) {
    throw new FirebreakError('inputs.invalid', `Cannot launch ${runbook.name}: ${faults.join('; ')}.`, {
      nextStep:
        known.length === 0 ? 'Launch it without inputs.' : `Correct the inputs and launch again. ${oneOf(known)}`,
    });
  }
  return values;
}

type Read = { value: Json; faults: string[] };

/** One value, checked against its type. The faults name the input. */
export function readInput(name: string, type: InputType, given: Json, inventory: Inventory = {}): Read {
  return type.type === 'list'
    ? readList(name, type, given, inventory)
    : readOne(`input "${name}"`, type, given, inventory);
}

function readList(name: string, type: InputType, given: Json, inventory: Inventory): Read {
  const of: InputType = { type: (type.of ?? 'string') as InputType['type'] };
  const entries = Array.isArray(given) ? given : typeof given === 'string' ? split(given, of) : [given];
  const reads = entries.map((entry) => readOne(`an entry of input "${name}"`, of, entry, inventory));
  // The same host twice is one host. The order stays: it is the order in which people see it.
  const value = [...new Set(reads.map((read) => read.value))];
  const faults = [...new Set(reads.flatMap((read) => read.faults))];
  if (faults.length === 0) faults.push(...outside(`input "${name}"`, 'entries', value.length, { min: 1, ...type }));
  return { value, faults };
}

/** Ids hold no spaces, so people may put some between them; texts do. */
function split(text: string, of: InputType): string[] {
  return text
    .split(of.type === 'string' ? /[,\n]/ : /[\s,]+/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `named`: of which type a target of the inventory is that can be given by its name. */
const ids: Partial<Record<InputType['type'], { shape: RegExp; like: string; named?: string }>> = {
  'aws-instance': { shape: /^i-[0-9a-z]{1,17}$/, like: 'i-0ab1c2d3e4f5a6b7c', named: 'instance' },
  run: { shape: /^run-[0-9a-hjkmnp-tv-z]{10}$/, like: 'run-4k7mq2x9ab' },
  incident: { shape: /^inc-[0-9a-hjkmnp-tv-z]{10}$/, like: 'inc-4k7mq2x9ab' },
};

/** Whether a name could be taken for an id of some system. */
export function readsAsId(name: string): boolean {
  return Object.values(ids).some(({ shape }) => shape.test(name));
}

function readOne(what: string, type: InputType, given: Json, inventory: Inventory): Read {
  const value = typeof given === 'string' ? given.trim() : given;
  const refuse = (must: string): Read => ({ value: null, faults: [`${what} must be ${must}, not ${shown(given)}`] });
  switch (type.type) {
    case 'number': {
      const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
      if (typeof number !== 'number' || !(Math.abs(number) <= Number.MAX_SAFE_INTEGER)) return refuse('a number');
      // Never -0, which reads and is signed as 0.
      return { value: number + 0, faults: outside(what, '', number, type) };
    }
    case 'boolean': {
      const words: Record<string, boolean> = { true: true, yes: true, false: false, no: false };
      const truth =
        typeof value === 'string' && Object.hasOwn(words, value.toLowerCase()) ? words[value.toLowerCase()] : value;
      return typeof truth === 'boolean' ? { value: truth, faults: [] } : refuse('true or false');
    }
    case 'choice': {
      const choices = type.choices ?? [];
      if (typeof value === 'string' && choices.includes(value)) return { value, faults: [] };
      const meant = typeof value === 'string' ? didYouMean(value, choices) : '';
      return { value: null, faults: [`${what} must be one of ${choices.join(', ')}, not ${shown(given)}${meant}`] };
    }
    case 'string':
      if (typeof value !== 'string') return refuse('a text');
      return { value, faults: outside(what, 'characters', Array.from(value).length, { max: textMax, ...type }) };
    case 'aws-instance':
    case 'run':
    case 'incident': {
      const { shape, like, named } = ids[type.type] ?? { shape: /^$/, like: '' };
      if (typeof value === 'string' && shape.test(value)) return { value, faults: [] };
      const names = Object.keys(inventory).filter((name) => inventory[name]?.type === named);
      const target = typeof value === 'string' && names.includes(value) ? inventory[value] : undefined;
      if (target !== undefined) return { value: target.id, faults: [] };
      if (names.length === 0) return refuse(`an id such as ${like}`);
      const { faults } = refuse(`an id such as ${like}, or a name of the inventory`);
      const meant = typeof value === 'string' ? didYouMean(value, names) : '';
      return { value: null, faults: faults.map((fault) => `${fault}${meant}`) };
    }
    case 'list':
      return refuse('a single value');
  }
}

function outside(what: string, unit: string, count: number, { min, max }: Pick<InputType, 'min' | 'max'>): string[] {
  const bound = (side: string, limit: number): string =>
    unit === ''
      ? `${what} must be at ${side} ${limit}, not ${count}`
      : `${what} must have at ${side} ${limit} ${unit}, not ${count}`;
  if (min !== undefined && count < min) return [bound('least', min)];
  if (max !== undefined && count > max) return [bound('most', max)];
  return [];
}

function isBlank(given: Json): boolean {
  return given === null || (typeof given === 'string' && given.trim() === '');
}

/** Enough of a value to be recognised, never all of a long one. */
function shown(given: Json): string {
  const text = JSON.stringify(given);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
