/**
 * Lowers expressions from CEL to the small trees of `core/expression.ts` and checks their names and types, so that a slip
 * is found when the runbook is written and not in the middle of an incident. A part of CEL is taken: no loops within loops, no
 * patterns, no clock; a runbook's conditions must be readable, must end soon, and must mean the same on replay.
 */
import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import { type CallName, callNames, type EachName, eachNames, type Expr } from '../core/expression.js';
import type { Json } from '../core/json.js';
import { any, bool, both, int, is, isNumber, listOf, nameOf, text, type Type, typeOfJson } from './expression-type.js';
import { operate, type Refuse, type Typed } from './operator.js';
import { didYouMean, nearest, oneOf } from './problem.js';
import { hasExpression, splitTemplate } from './template.js';

/** A longer expression is not read by anybody; it also bounds the depth of the tree. */
export const expressionCharsMax = 1000;

/** What an expression can see where it stands. */
export interface Scope {
  inputs: Record<string, Type>;
  /** Inputs that may be left out at launch: `has` must be asked first. */
  optional: ReadonlySet<string>;
  /** Optional inputs that were asked for by `has` already. */
  present: ReadonlySet<string>;
  /** Only inside a step that loops. */
  item?: Type;
  /** Only in `until`: what the step has found. */
  found?: Type;
  /** Only inside `all`, `exists` and `filter`: what they call an entry. */
  entry?: { name: string; type: Type };
  /** Results of the steps that have ended when this one begins. */
  steps: () => Record<string, Type>;
  /** All steps of the runbook, for better messages. */
  allSteps: ReadonlySet<string>;
  /** Only in a hook, which sees the body of a request and nothing else. */
  body?: Type;
}

export function hookScope(): Scope {
  return { inputs: {}, optional: new Set(), present: new Set(), steps: () => ({}), allSteps: new Set(), body: any };
}

export interface Fault {
  /** Characters into the text value. */
  offset: number;
  code: string;
  message: string;
  nextStep: string;
}

export interface Lowered {
  expr: Expr;
  type: Type;
  faults: Fault[];
}

const cel = new Environment({ unlistedVariablesAreDyn: true });

/** Lowers a text value: one expression alone keeps its type, expressions within text become text. */
export function lowerText(value: string, scope: Scope): Lowered {
  if (!hasExpression(value)) return { expr: literal(value), type: typeOfJson(value), faults: [] };
  const { parts, unclosed } = splitTemplate(value);
  if (parts === undefined) {
    return broken({
      offset: unclosed,
      code: 'expression.unclosed',
      message: 'this expression has no end',
      nextStep: 'Close it with }}.',
    });
  }
  const expressions = parts.filter((part) => part.kind === 'expression');
  const [only] = expressions;
  const isWhole = parts.every((part) => part.kind === 'expression' || part.text.trim() === '');
  if (only !== undefined && expressions.length === 1 && isWhole) return lowerCel(only.cel, only.offset, scope);

  const faults: Fault[] = [];
  const trees = parts.map((part): Expr => {
    if (part.kind === 'text') return literal(part.text);
    const lowered = lowerCel(part.cel, part.offset, scope);
    faults.push(...lowered.faults);
    if (!isNumber(lowered.type) && lowered.type.kind !== 'string' && lowered.type.kind !== 'bool') {
      const start = part.offset + part.cel.search(/\S|$/);
      faults.push({
        offset: start,
        code: 'expression.type',
        message: `${nameOf(lowered.type)} cannot stand within text`,
        nextStep: 'Put a text, a number, or true or false here; or let the expression be the whole value.',
      });
    }
    return lowered.expr;
  });
  return { expr: { op: 'text', parts: trees }, type: text, faults };
}

/** Lowers one CEL expression; `offset` is where it stands in the text value. */
export function lowerCel(source: string, offset: number, scope: Scope): Lowered {
  if (source.length > expressionCharsMax) {
    const message = `this expression is longer than ${expressionCharsMax} characters`;
    return broken({ offset, code: 'expression.too-long', message, nextStep: 'Say it shorter, or in several steps.' });
  }
  let ast: ASTNode;
  try {
    ast = cel.parse(source).ast;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return broken({
      offset: offset + (error.range?.start ?? 0),
      code: 'expression.syntax',
      message: `this is not an expression: ${lowerFirst(error.summary)}`,
      nextStep: 'Expressions are CEL, as in inputs.count > 3 && has(inputs.reason).',
    });
  }
  const faults: Fault[] = [];
  const { expr, type } = lower(ast, scope, (node, code, message, nextStep, at = node.start) => {
    faults.push({ offset: offset + at, code: `expression.${code}`, message, nextStep });
    return { expr: literal(null), type: any };
  });
  return { expr, type, faults };
}

function lower(node: ASTNode, scope: Scope, refuse: Refuse): Typed {
  switch (node.op) {
    case 'value':
      return constant(node, node.args, refuse);
    case 'id':
      return name(node, node.args, scope, refuse);
    case '.':
      return field(node, node.args[0], node.args[1], node.pos, scope, refuse);
    case '[]':
      return index(node, node.args[0], node.args[1], scope, refuse);
    case 'list':
      return list(node, node.args, scope, refuse);
    case 'map':
      return object(node.args, scope, refuse);
    case '?:':
      return choice(node, node.args, scope, refuse);
    case '&&':
    case '||':
      return logic(node.op, node.args, scope, refuse);
    case '!_': {
      const of = condition(node.args, scope, refuse);
      return { expr: { op: 'not', of }, type: bool };
    }
    case '-_':
      return negated(node.args, scope, refuse);
    case 'call':
      return call(node, node.args[0], undefined, node.args[1], scope, refuse);
    case 'rcall':
      return call(node, node.args[0], node.args[1], node.args[2], scope, refuse);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case 'in':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%': {
      const [a, b] = node.args;
      return operate(node, node.op, [a, lower(a, scope, refuse)], [b, lower(b, scope, refuse)], refuse);
    }
    default:
      return refuse(
        node,
        'not-supported',
        `"${node.op}" is not part of this language`,
        'Use has(...) to ask for what may be missing.',
      );
  }
}

function constant(node: ASTNode, value: unknown, refuse: Refuse): Typed {
  if (typeof value === 'bigint') {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      return refuse(node, 'number', 'this number cannot be held exactly', 'Use a number below 2^53.');
    }
    return { expr: literal(Number(value)), type: int };
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean')
    return { expr: literal(value), type: typeOfJson(value) };
  if (typeof value === 'number' && Number.isFinite(value)) return { expr: literal(value), type: { kind: 'double' } };
  return refuse(
    node,
    'not-supported',
    'only texts, numbers, true, false and null can be written here',
    'Leave out letters such as b and u before or after the value.',
  );
}

const roots = ['inputs', 'item', 'steps', 'found'];

function name(node: ASTNode, id: string, scope: Scope, refuse: Refuse): Typed {
  if (scope.body !== undefined) {
    if (id === 'body') return { expr: { op: 'name', name: 'body' }, type: scope.body };
    const near = didYouMean(id, ['body']);
    return refuse(node, 'unknown-name', `unknown name "${id}"${near}`, 'Expressions of a hook can read body.');
  }
  if (id === scope.entry?.name) return { expr: { op: 'name', name: id }, type: scope.entry.type };
  if (id === 'found' && scope.found !== undefined) return { expr: { op: 'name', name: id }, type: scope.found };
  if (id === 'item') {
    if (scope.item !== undefined) return { expr: { op: 'name', name: 'item' }, type: scope.item };
    return refuse(node, 'no-item', 'there is no "item" here', 'Use it in `with` of a step that has for_each.');
  }
  if (id === 'inputs' || id === 'steps') {
    // As a whole they would hide from the checks what is read of them.
    return refuse(node, 'whole', `"${id}" cannot be used as a whole`, `Name what is meant, as in ${id}.name.`);
  }
  const known = roots.filter((root) => root !== 'found' || scope.found !== undefined);
  const meant = nearest(id, known) ?? (Object.hasOwn(scope.inputs, id) ? `inputs.${id}` : undefined);
  return refuse(
    node,
    'unknown-name',
    `unknown name "${id}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
    'Expressions can read inputs, item and steps.',
  );
}

function field(node: ASTNode, of: ASTNode, key: string, at: number, scope: Scope, refuse: Refuse): Typed {
  if (scope.body === undefined && of.op === 'id' && of.args === 'inputs') return input(node, key, at, scope, refuse);
  if (scope.body === undefined && of.op === 'id' && of.args === 'steps') return step(node, key, at, scope, refuse);
  const from = lower(of, scope, refuse);
  const expr: Expr = { op: 'field', of: from.expr, field: key };
  if (from.type.kind === 'any') return { expr, type: any };
  if (from.type.kind !== 'object')
    return refuse(node, 'type', `${nameOf(from.type)} has no field "${key}"`, 'Leave the field out.', at);
  const type = own(from.type.fields, key);
  if (type !== undefined) return { expr, type };
  const known = Object.keys(from.type.fields);
  return refuse(node, 'unknown-field', `there is no field "${key}" here${didYouMean(key, known)}`, oneOf(known), at);
}

function input(node: ASTNode, key: string, at: number, scope: Scope, refuse: Refuse): Typed {
  const type = own(scope.inputs, key);
  const known = Object.keys(scope.inputs);
  if (type === undefined)
    return refuse(node, 'unknown-input', `unknown input "${key}"${didYouMean(key, known)}`, oneOf(known), at);
  if (scope.optional.has(key) && !scope.present.has(key)) {
    return refuse(
      node,
      'maybe-absent',
      `input "${key}" may be left out at launch`,
      `Ask first, as in has(inputs.${key}) && ..., or give the input a default.`,
      at,
    );
  }
  return { expr: { op: 'field', of: { op: 'name', name: 'inputs' }, field: key }, type };
}

function step(node: ASTNode, id: string, at: number, scope: Scope, refuse: Refuse): Typed {
  const type = own(scope.steps(), id);
  if (type !== undefined) return { expr: { op: 'field', of: { op: 'name', name: 'steps' }, field: id }, type };
  if (scope.allSteps.has(id)) {
    return refuse(
      node,
      'step-not-needed',
      `step "${id}" may not have ended when this one begins`,
      `Add "${id}" to needs.`,
      at,
    );
  }
  const near = nearest(id, scope.allSteps) ?? [...scope.allSteps].find((each) => each.startsWith(`${id}-`));
  // A hyphen subtracts in CEL, so `steps.make-group` reads as a difference.
  const meant = near === undefined ? '' : `; did you mean ${near.includes('-') ? `steps["${near}"]` : `"${near}"`}?`;
  return refuse(node, 'unknown-step', `unknown step "${id}"${meant}`, oneOf(scope.allSteps), at);
}

function index(node: ASTNode, of: ASTNode, at: ASTNode, scope: Scope, refuse: Refuse): Typed {
  if (at.op === 'value' && typeof at.args === 'string') return field(node, of, at.args, at.start, scope, refuse);
  const from = lower(of, scope, refuse);
  const place = lower(at, scope, refuse);
  const expr: Expr = { op: 'index', of: from.expr, at: place.expr };
  if (from.type.kind === 'any') return { expr, type: any };
  if (from.type.kind !== 'list') {
    return refuse(
      at,
      'type',
      `${nameOf(from.type)} has no entries that could be counted`,
      'Name a field, as in value["name"].',
    );
  }
  if (!isNumber(place.type))
    return refuse(at, 'type', `an entry of a list is found by a number, not by ${nameOf(place.type)}`, 'Count from 0.');
  return { expr, type: from.type.of };
}

function list(node: ASTNode, nodes: ASTNode[], scope: Scope, refuse: Refuse): Typed {
  const items = nodes.map((each) => lower(each, scope, refuse));
  const types = items.map(({ type }) => type);
  const first = types[0];
  if (first !== undefined && types.some((type) => both(first, type) === undefined)) {
    return refuse(node, 'type', 'the entries of this list are of different types', 'Give all entries the same type.');
  }
  return { expr: { op: 'list', items: items.map(({ expr }) => expr) }, type: listOf(types) };
}

function object(entries: [ASTNode, ASTNode][], scope: Scope, refuse: Refuse): Typed {
  const fields: Record<string, Expr> = {};
  const types: Record<string, Type> = {};
  for (const [key, value] of entries) {
    if (key.op !== 'value' || typeof key.args !== 'string') {
      return refuse(key, 'type', 'a field name must be written as text', 'Put it in quotes, as in {"name": 1}.');
    }
    if (Object.hasOwn(fields, key.args) || key.args === '__proto__') {
      return refuse(key, 'type', `"${key.args}" cannot be a field here`, 'Name each field once.');
    }
    const lowered = lower(value, scope, refuse);
    fields[key.args] = lowered.expr;
    types[key.args] = lowered.type;
  }
  return { expr: { op: 'object', fields }, type: { kind: 'object', fields: types } };
}

function choice(node: ASTNode, [asked, yes, no]: [ASTNode, ASTNode, ASTNode], scope: Scope, refuse: Refuse): Typed {
  const test = condition(asked, scope, refuse);
  const then = lower(yes, knowing(scope, presentIf(test, true)), refuse);
  const otherwise = lower(no, knowing(scope, presentIf(test, false)), refuse);
  const type = both(then.type, otherwise.type);
  if (type === undefined) {
    return refuse(
      node,
      'type',
      `this is either ${nameOf(then.type)} or ${nameOf(otherwise.type)}`,
      'Let both sides have one type.',
      yes.start,
    );
  }
  // oxlint-disable-next-line unicorn/no-thenable -- a tree is data; its `then` is no function, so nothing awaits it
  return { expr: { op: 'if', condition: test, then: then.expr, otherwise: otherwise.expr }, type };
}

function logic(op: '&&' | '||', [a, b]: [ASTNode, ASTNode], scope: Scope, refuse: Refuse): Typed {
  const left = condition(a, scope, refuse);
  // The right side is only looked at when the left one did not decide.
  const right = condition(b, knowing(scope, presentIf(left, op === '&&')), refuse);
  return { expr: { op: op === '&&' ? 'and' : 'or', left, right }, type: bool };
}

function condition(node: ASTNode, scope: Scope, refuse: Refuse): Expr {
  const { expr, type } = lower(node, scope, refuse);
  if (!is(type, 'bool'))
    refuse(node, 'type', `this must be true or false, not ${nameOf(type)}`, 'Compare it with something, as in x > 0.');
  return expr;
}

/** Optional inputs that are there for certain when the condition comes out as `outcome`. */
export function presentIf(expr: Expr, outcome: boolean): string[] {
  if (expr.op === 'not') return presentIf(expr.of, !outcome);
  if (expr.op === 'and' && outcome) return [...presentIf(expr.left, true), ...presentIf(expr.right, true)];
  if (expr.op === 'or' && !outcome) return [...presentIf(expr.left, false), ...presentIf(expr.right, false)];
  if (expr.op !== 'call' || expr.name !== 'has' || !outcome) return [];
  const [of] = expr.args;
  return of?.op === 'field' && of.of.op === 'name' && of.of.name === 'inputs' ? [of.field] : [];
}

export function knowing(scope: Scope, present: string[]): Scope {
  return present.length === 0 ? scope : { ...scope, present: new Set([...scope.present, ...present]) };
}

function negated(of: ASTNode, scope: Scope, refuse: Refuse): Typed {
  const { expr, type } = lower(of, scope, refuse);
  if (!isNumber(type))
    return refuse(of, 'type', `only a number can be negated, not ${nameOf(type)}`, 'Use ! to turn true into false.');
  return { expr: { op: 'negate', of: expr }, type };
}

const functions: readonly string[] = [...callNames, ...eachNames];

/** Why a function of CEL is not here. */
const refusedCalls: Record<string, string> = {
  matches: 'patterns are not part of this language',
  timestamp: 'the clock is not part of this language',
  duration: 'the clock is not part of this language',
  map: 'only all, exists and filter look at the entries of a list',
  exists_one: 'only all, exists and filter look at the entries of a list',
};

function call(
  node: ASTNode,
  called: string,
  receiver: ASTNode | undefined,
  args: ASTNode[],
  scope: Scope,
  refuse: Refuse,
): Typed {
  if (isEachName(called)) return eachEntry(node, called, receiver, args, scope, refuse);
  if (!isCallName(called)) {
    const why = own(refusedCalls, called);
    const message =
      why === undefined
        ? `unknown function "${called}"${didYouMean(called, functions)}`
        : `"${called}" cannot be used: ${why}`;
    return refuse(
      node,
      'unknown-function',
      message,
      oneOf(functions),
      receiver === undefined ? node.start : node.input.indexOf(called, receiver.end),
    );
  }
  if (called === 'has') return has(node, receiver, args, scope, refuse);
  const all = [...(receiver === undefined ? [] : [receiver]), ...args];
  const shown = called === 'size' ? 'size(value)' : `text.${called}(other)`;
  const wanted = called === 'size' ? 1 : 2;
  if (all.length !== wanted || (wanted === 2 && receiver === undefined)) {
    return refuse(node, 'arguments', `"${called}" is not called like this`, `Write ${shown}.`);
  }
  const lowered = all.map((each) => lower(each, scope, refuse));
  const expr: Expr = { op: 'call', name: called, args: lowered.map((each) => each.expr) };
  for (const [position, { type }] of lowered.entries()) {
    const fits = called === 'size' ? ['string', 'list', 'object', 'any'].includes(type.kind) : is(type, 'string');
    const where = all[position] ?? node;
    if (!fits) return refuse(where, 'type', `"${called}" does not take ${nameOf(type)}`, `Write ${shown}.`);
  }
  return { expr, type: called === 'size' ? int : bool };
}

/** `list.all(x, x.state == "completed")`: whether all entries pass, or one does (`exists`), or which of them (`filter`). */
function eachEntry(
  node: ASTNode,
  op: EachName,
  receiver: ASTNode | undefined,
  [as, asked, ...more]: ASTNode[],
  scope: Scope,
  refuse: Refuse,
): Typed {
  const shown = `Write list.${op}(x, x.name == "value").`;
  if (receiver === undefined || as?.op !== 'id' || asked === undefined || more.length > 0)
    return refuse(node, 'arguments', `"${op}" is not called like this`, shown);
  if (roots.includes(as.args))
    return refuse(as, 'arguments', `"${as.args}" means something else here`, 'Call the entry by another name.');
  if (scope.entry !== undefined)
    return refuse(
      node,
      'not-supported',
      'a loop within a loop is not part of this language',
      'Say it in several steps.',
    );
  const of = lower(receiver, scope, refuse);
  if (!is(of.type, 'list')) return refuse(receiver, 'type', `"${op}" does not take ${nameOf(of.type)}`, shown);
  const entry = { name: as.args, type: of.type.kind === 'list' ? of.type.of : any };
  const test = condition(asked, { ...scope, entry }, refuse);
  return { expr: { op, of: of.expr, as: as.args, test }, type: op === 'filter' ? of.type : bool };
}

function isEachName(called: string): called is EachName {
  return (eachNames as readonly string[]).includes(called);
}

function has(node: ASTNode, receiver: ASTNode | undefined, args: ASTNode[], scope: Scope, refuse: Refuse): Typed {
  const [of] = args;
  if (receiver !== undefined || of?.op !== '.' || args.length !== 1) {
    return refuse(node, 'arguments', '"has" asks for a field', 'Write has(inputs.name).');
  }
  // Asking whether an input is there is what makes it safe to read.
  const asked = of.args[0].op === 'id' && of.args[0].args === 'inputs' ? [of.args[1]] : [];
  const { expr } = lower(of, knowing(scope, asked), refuse);
  return { expr: { op: 'call', name: 'has', args: [expr] }, type: bool };
}

function isCallName(called: string): called is CallName {
  return (callNames as readonly string[]).includes(called);
}

function literal(value: Json): Expr {
  return { op: 'literal', value };
}

function broken(fault: Fault): Lowered {
  return { expr: literal(null), type: any, faults: [fault] };
}

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
