/** A compiled runbook: JSON with every default written out and every expression a tree. The workflow never sees YAML. */
import type { OnFailure, UnitName } from './change.js';
import type { Expr } from './expression.js';
import type { GateSpec } from './gate.js';
import type { Json } from './json.js';
import type { Risk } from './risk.js';

export const phases = ['investigate', 'contain', 'eradicate', 'recover', 'close'] as const;
export type Phase = (typeof phases)[number];

export type InputType = {
  type: 'string' | 'number' | 'boolean' | 'list' | 'choice' | 'aws-instance' | 'run' | 'incident';
  of?: string;
  choices?: string[];
  min?: number;
  max?: number;
  default?: Json;
  description?: string;
  optional?: boolean;
};

export interface Retry {
  /** Attempts of a batch activity in all, the first included. */
  attempts: number;
  /** Wait before the second attempt; doubles each time. */
  firstWaitMs: number;
}

/** What a step does: a unit of the registry over its items, or (built-in runbooks only) the exchange of what is held or was done. */
export type Work =
  | { kind: 'collect'; unit: UnitName; system: string; with: Expr }
  | { kind: 'change'; unit: UnitName; system: string; with: Expr; risk: Risk }
  | { kind: 'exchange'; system: string; of: 'holds' | 'outcomes' };

export interface Step {
  id: string;
  phase: Phase;
  needs: string[];
  if?: Expr;
  forEach?: Expr;
  work: Work;
  gate?: string;
  /** A time box in milliseconds after which a collector's step ends as it is, without failing the run. */
  bestEffortMs?: number;
  /** Items in one activity. */
  batch: number;
  /** For one batch, in milliseconds of real time. */
  timeoutMs: number;
  retry: Retry;
  onFailure: OnFailure;
  /** After how long in force the owner is paged; the containment stays. */
  reviewAfterMs?: number;
}

export interface Runbook {
  language: 1;
  name: string;
  version: number;
  summary: string;
  inputs: Record<string, InputType>;
  gates: Record<string, GateSpec>;
  steps: Step[];
}
