/**
 * How a unit is declared: data with function properties. A unit reads, plans, writes and probes; it never compares,
 * remembers or decides, because the engine (`settle.ts`) does that once for all units.
 */
import type * as z from 'zod';
import type { Target, UnitName } from '../core/change.js';
import type { Hold } from '../core/hold.js';
import type { Json, JsonObject } from '../core/json.js';
import type { Risk } from '../core/risk.js';
import type { Phase } from '../core/runbook.js';

/** What an action found on a target. `identity` is what the thing is called there (`sg-0ab1` for a tagged group). */
export interface Reading<S> {
  state: S;
  identity?: Json;
}

/** A change as a unit plans it; the engine reads `before`, and adds unit, item, risk and effect. */
export interface Planned<S> {
  target: Target;
  after: S;
  /** Defaults to the unit's `aspect`. */
  aspect?: string;
  /** `changeKey`s of changes, of this unit or another, that must be settled and shown first. */
  dependsOn?: string[];
}

/** Whether an effect was shown from outside. `basis` labels what it rests on, e.g. `groups and ACLs, emulator`. */
export interface Probed {
  shown: boolean;
  basis: string;
}

interface Unit {
  name: UnitName;
  /** One line for a responder. */
  summary: string;
  phase: Phase;
  /** Every API permission that the unit uses; its least IAM policy is generated from these. */
  permissions: string[];
  /** An input that parses, for documentation and the conformance suite. */
  example: Json;
  /**
   * The same work as lines of bash for one item, for when Firebreak itself is down (`explain --commands`). Each field of the
   * input is a shell variable of its name. It says what it found before it changes it, and makes no call beyond `permissions`.
   */
  byHand?: string;
}

export interface Action<I, S extends Json, W> extends Unit {
  kind: 'action';
  risk: Risk;
  /** Whether the state must be as planned before it is written; containment is not guarded, so that an attacker cannot starve it. */
  guarded: boolean;
  /** No exchange: nothing puts it back (a snapshot made, a session cut). */
  oneWay: boolean;
  /** Parts that appear later with the same `after` are inside the approved item. */
  partsOpen: boolean;
  aspect: string;
  /** Why a second write of the same state is harmless. */
  repeatable: string;
  /** How long a created thing may stay invisible to `read`, in milliseconds; 0 when nothing is created. */
  readLagMs: number;
  input: z.ZodType<I>;
  state: z.ZodType<S>;
  read: (target: Target, hold: Hold | undefined, world: W) => Promise<Reading<S>>;
  plan: (input: I, world: W) => Promise<Planned<S>[]>;
  /** Brings the target to the state; safe any number of times. Returns what it found or created. */
  write: (target: Target, state: S, hold: Hold, world: W) => Promise<Json | undefined>;
  /** Takes away what a write leaves lying about that was cut short before it changed the target. */
  clearUp?: (target: Target, hold: Hold, world: W) => Promise<void>;
  /** Proves the effect from outside. Undefined where there is nothing to try, so that what was read back is all that is known. */
  probe?: (target: Target, state: S, world: W, item: Json) => Promise<Probed | undefined>;
}

/** A piece of evidence as collected; the engine hashes, encrypts, stores and journals it. */
export interface Evidence {
  /** `console-output.txt`; unique within the item. */
  name: string;
  mediaType: string;
  body: Uint8Array;
  /** What it is of. */
  target: Target;
  /** The call that gave it, with its version: `ec2:GetConsoleOutput 2016-11-15`. */
  method: string;
}

export interface Collector<I, W> extends Unit {
  kind: 'collector';
  risk: 'read';
  input: z.ZodType<I>;
  /** Yields evidence as it comes, so that what was got before a time box ends is kept. */
  collect: (input: I, world: W) => AsyncIterable<Evidence>;
}

/** Looks at something and says what it found; later steps read it, and can work on each entry. It changes nothing. */
export interface Check<I, F extends JsonObject, W> extends Unit {
  kind: 'check';
  risk: 'read';
  input: z.ZodType<I>;
  /** One entry of what is found. It stands in histories and journals, so it holds no secret. */
  finding: z.ZodType<F>;
  check: (input: I, world: W) => Promise<F[]>;
}

// The registry holds units of many input and state types; each parses its own values before use.
// biome-ignore lint/suspicious/noExplicitAny: variance
export type AnyAction = Action<any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: variance
export type AnyCollector = Collector<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: variance
export type AnyCheck = Check<any, any, any>;
export type AnyUnit = AnyAction | AnyCollector | AnyCheck;

type Declared<T extends { kind: string }> = Omit<T, 'kind'>;

export function defineAction<I, S extends Json, W>(action: Declared<Action<I, S, W>>): Action<I, S, W> {
  return { kind: 'action', ...action };
}

export function defineCollector<I, W>(collector: Omit<Declared<Collector<I, W>>, 'risk'>): Collector<I, W> {
  return { kind: 'collector', risk: 'read', ...collector };
}

export function defineCheck<I, F extends JsonObject, W>(check: Omit<Declared<Check<I, F, W>>, 'risk'>): Check<I, F, W> {
  return { kind: 'check', risk: 'read', ...check };
}
