/** Everything that Firebreak does to a system is a change: a target, what is there, what shall be there. */
import type { Json } from './json.js';
import type { Risk } from './risk.js';

/** `system.verb-object@major`; the folder path without the major. */
export type UnitName = string;

/** The smallest thing wholly ours. `id` is the system's own id, or `tag:...` for what only Firebreak creates. */
export interface Target {
  system: string;
  account?: string;
  region?: string;
  type: string;
  id: string;
}

export interface Change<S = Json> {
  unit: UnitName;
  /** The input that this change was planned from; for a host's interfaces, the host. */
  item: Json;
  target: Target;
  /** Which side of the target is held, so that two units can hold two sides of one thing: `groups`, `termination-protection`. */
  aspect: string;
  before: S;
  after: S;
  /** Keys (`changeKey`) of changes that must be settled and shown first. */
  dependsOn: string[];
  risk: Risk;
  guarded: boolean;
  oneWay: boolean;
  partsOpen: boolean;
  /** Somebody has done it by hand, or the like of it: `before` is what they say was there, and not what is found. */
  adopted?: boolean;
}

export type OnFailure = 'stop' | 'continue' | 'undo' | 'ask';

/** What is approved: never `before`, which an attacker can move on purpose; no target where the unit's parts are open. */
export interface Effect {
  unit: UnitName;
  item: Json;
  target?: Target;
  aspect: string;
  after: Json;
  risk: Risk;
  onFailure: OnFailure;
  /** Of what is adopted: what a release will put back, which is somebody's word. */
  was?: Json;
}

export function effectOf(change: Change, onFailure: OnFailure): Effect {
  const { unit, item, target, aspect, after, risk } = change;
  if (change.adopted === true) return { unit, item, target, aspect, after, risk, onFailure, was: change.before };
  return change.partsOpen
    ? { unit, item, aspect, after, risk, onFailure }
    : { unit, item, target, aspect, after, risk, onFailure };
}

/** One text per held side of a target, for instance `aws:eu-west-1:network-interface:eni-1#groups`. */
export function changeKey({ target, aspect }: { target: Target; aspect: string }): string {
  return `${targetKey(target)}#${aspect}`;
}

export function targetKey({ system, account, region, type, id }: Target): string {
  return [system, account, region, type, id].filter((part) => part !== undefined).join(':');
}

export type Shown = 'probed' | 'read back' | 'no';

/**
 * How one change ended. `already`: it was so before. `moved`: neither before nor after was found, a person decides.
 * `outside`: not in any approved bound, so it was not touched. `left`: other holders remain, nothing was changed.
 */
export interface Outcome {
  version: 1;
  key: string;
  unit: UnitName;
  item: Json;
  target: Target;
  aspect: string;
  status: 'applied' | 'already' | 'moved' | 'failed' | 'outside' | 'left';
  shown: Shown;
  hold?: string;
  before?: Json;
  after?: Json;
  found?: Json;
  observed?: Json;
  error?: { code: string; message: string; nextStep?: string };
  attempt: number;
  startedAt: string;
  endedAt: string;
}
