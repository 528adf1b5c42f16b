/** A hook, by which a service launches one runbook, and what it makes of the body of a request. */
import { type Expr, evaluate, ExpressionError } from './expression.js';
import type { SecretRef } from './installation.js';
import type { Json } from './json.js';
import type { HookScheme } from './statement.js';

export interface Hook {
  /** The name of the runbook. */
  runbook: string;
  /** Each of several secrets is good, so that one can take the place of another. */
  auth: { scheme: HookScheme; secrets: SecretRef[] };
  /** Absent: every request launches. */
  when?: Expr;
  /** What the sender calls the alert: the same one launches once, however often it is sent. */
  id: Expr;
  inputs: Record<string, Expr>;
  launchesPerHour: number;
}

/** What a body asks for. Inputs are as the expressions gave them, not read by their types yet. */
export type HookReading = { wanted: false } | { wanted: true; id: string; inputs: Record<string, Json> };

/** Characters; it stands in the proof of each launch. */
const idMax = 500;

/** A field of the hook that the body gives no value for; `field` is `when`, `id` or the name of an input. */
export class HookReadingError extends Error {
  readonly field: string;

  constructor(field: string, why: string) {
    super(why);
    this.field = field;
  }
}

export function readHook({ when, id, inputs }: Pick<Hook, 'when' | 'id' | 'inputs'>, body: Json): HookReading {
  if (when !== undefined) {
    const wanted = valueOf('when', when, body);
    if (typeof wanted !== 'boolean') throw new HookReadingError('when', 'It must come out as true or false.');
    if (!wanted) return { wanted };
  }
  const named = valueOf('id', id, body);
  const text = typeof named === 'number' ? String(named) : named;
  if (typeof text !== 'string' || text.trim() === '' || text.length > idMax)
    throw new HookReadingError('id', `It must come out as a text of 1 to ${idMax} characters.`);
  const values = Object.entries(inputs).map(([name, expr]) => [name, valueOf(name, expr, body)] as const);
  return { wanted: true, id: text, inputs: Object.fromEntries(values) };
}

function valueOf(field: string, expr: Expr, body: Json): Json {
  try {
    return evaluate(expr, { body });
  } catch (error) {
    if (error instanceof ExpressionError) throw new HookReadingError(field, error.message);
    throw error;
  }
}
