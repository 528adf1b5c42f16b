/** What a step would change, read from the world and stored; too large for a payload, so workflows carry only `PlanRef`. */
import type { BoundEffect } from './bound.js';
import type { Counts } from './counts.js';
import type { Change, OnFailure } from './change.js';
import type { Digest, Iso, Json } from './json.js';
import type { Risk } from './risk.js';

export interface PlannedChange extends Change {
  /** Digest of `effectOf(change)`. */
  effect: Digest;
  /**
   * `change`: the target differs and would be written. `already`: it matches and nothing is asked (and nothing approved).
   * `leave`: others hold it too, so only this holder goes.
   */
  standing: 'change' | 'already' | 'leave';
  /** The open hold, where there is one. */
  hold?: string;
  /** What was found before the hold, where it differs from what the plan saw. */
  found?: Json;
}

export interface StepPlan {
  version: 1;
  run: string;
  step: string;
  round: number;
  onFailure: OnFailure;
  /** The inputs that were planned, one for each target of `for_each`. */
  items: Json[];
  changes: PlannedChange[];
  /** Items that could not be planned: they are settled as failed, the others go on. */
  failed: { item: Json; code: string; message: string; nextStep?: string }[];
  /** Where the targets are still to be found: what people can agree to meanwhile. Then there are no items. */
  bound?: BoundEffect;
  /** Of a retry: how the items ended that are not planned again. */
  settled?: Counts;
  madeAt: Iso;
}

/** What a workflow keeps of a plan. `id` is the digest of the stored `StepPlan`; `effects` are not carried. */
export interface PlanRef {
  id: Digest;
  step: string;
  system: string;
  round: number;
  items: number;
  /** Changes that would be made. */
  toChange: number;
  already: number;
  failed: number;
  risk: Risk;
  /** Targets that are still to be found, at most. */
  atMost?: number;
  settled?: Counts;
}
