/** A compiled runbook: JSON with every default written out and every expression a tree. The workflow never sees YAML. */
import type { OnFailure, UnitName } from './change.js';
import type { Expr } from './expression.js';
import type { GateSpec } from './gate.js';
import type { Json } from './json.js';
import type { RampStage } from './ramp.js';
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

/** A check is done again and again until `met`, an expression over what it `found`, is true; or until its time is over. */
export interface Until {
  met: Expr;
  everyMs: number;
  withinMs: number;
}

export interface CheckWork {
  kind: 'check';
  unit: UnitName;
  system: string;
  with: Expr;
  until?: Until;
}

/** What a system's executor does: a unit of the registry over its items, or (built-in runbooks only) the exchange of what is held or was done. */
export type SystemWork =
  | { kind: 'collect'; unit: UnitName; system: string; with: Expr }
  | CheckWork
  | { kind: 'change'; unit: UnitName; system: string; with: Expr; risk: Risk }
  | { kind: 'exchange'; system: string; of: 'holds' | 'outcomes' };

/**
 * What a person does by hand, or decides. `what` gives the text that they read; `who` names the groups of people whose word
 * counts; they and the owner are reminded every `remindMs`, for time never answers.
 */
export type PersonWork =
  | { kind: 'manual'; what: Expr; who: string[]; remindMs: number; evidence?: string }
  | { kind: 'decide'; what: Expr; who: string[]; remindMs: number; choices: Record<string, string> };

export type Work = SystemWork | PersonWork;

export function isByPerson(work: Work): work is PersonWork {
  return work.kind === 'manual' || work.kind === 'decide';
}

/** What does a step's work, in a word or two: the unit, or whose it is. */
export function nameOfWork(work: Work): string {
  switch (work.kind) {
    case 'collect':
    case 'check':
    case 'change':
      return work.unit;
    case 'exchange':
      return `exchange of ${work.of}`;
    case 'manual':
      return 'done by hand';
    case 'decide':
      return 'decided by a person';
  }
}

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
  /**
   * At most so many targets, where they are found by a check of the same run: people can agree to them before they are found.
   * Present where `forEach` reads what was found.
   */
  bound?: number;
  /** Items in one activity. */
  batch: number;
  /** Begins with some of its items; the others follow stage by stage, while no more than `tolerate` fail. */
  ramp?: RampStage[];
  /** So many targets may fail before the failure rule applies. Absent: none. */
  tolerate?: number;
  /** For one batch, in milliseconds of real time. */
  timeoutMs: number;
  retry: Retry;
  onFailure: OnFailure;
  /** After how long in force the owner is paged; the containment stays. */
  reviewAfterMs?: number;
}

/** Whether it may be launched in that environment. */
export function isFor({ environments }: Pick<Runbook, 'environments'>, environment: string): boolean {
  return environments === undefined || environments.includes(environment);
}

export interface Runbook {
  language: 1;
  name: string;
  version: number;
  summary: string;
  /** Where alone it may be launched; absent: everywhere. */
  environments?: string[];
  inputs: Record<string, InputType>;
  gates: Record<string, GateSpec>;
  steps: Step[];
}
