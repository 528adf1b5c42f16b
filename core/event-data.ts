/** What `data` of an event holds, by action; the reducer, the cards and the exports read these shapes. */
import type { Verb } from './verbs.js';
import type { GateSpec, Request } from './gate.js';
import type { Digest, Iso, Json, JsonObject, PrincipalId } from './json.js';
import type { PlanRef } from './plan.js';
import type { Phase } from './runbook.js';
import type { GateAbout } from './statement.js';
import type { Task } from './task.js';

export interface RunLaunched {
  runbook: string;
  version: number;
  digest: Digest;
  summary: string;
  verb: 'launch' | 'plan' | 'release' | 'undo';
  inputs: Json;
  environment: string;
  /** The run that this one adds targets to. */
  amends?: string;
  /** What was done by hand and is taken over, with what its targets are said to have been before. */
  adopts?: { step: string; was: JsonObject };
  launch: Digest;
  steps: { id: string; phase: Phase; unit: string; gate?: string }[];
  /** Whose it is from the beginning, where a service launched it: whoever launched otherwise. */
  owner?: PrincipalId;
  /** Of whom it is told that separation of duties is nominal: all keys lie on one machine. */
  separation: 'nominal' | 'real';
}

/** step.asked: what a person is to do or decide; the owner is paged and they are reminded again and again. */
export interface StepAsked extends Task {
  remindMs: number;
}

export interface PlanMade {
  plan: PlanRef;
}

export interface GateAsked {
  id: string;
  about: GateAbout;
  allows: 'carry out' | Verb;
  request?: Request;
  spec: GateSpec;
  excluded: string[];
  deadline: Iso;
  containing: boolean;
  plans: PlanRef[];
  reason?: string;
}

/** gate.passed, gate.denied, gate.expired, gate.reminded, gate.escalated: which ask. */
export interface GateMoved {
  id: string;
  gate: string;
  round: number;
  deadline?: Iso;
}

export interface StatementRuled {
  verb: Verb;
  gate?: string;
  round?: number;
  code?: string;
  reason?: string;
  /** Of an answer to a step that people do or decide. */
  step?: string;
  /** Digest of the statement. */
  statement: Digest;
}

/** step.found: what a check found, under its digest; not the entries, of which there may be many. */
export interface StepFound {
  found: Digest;
  count: number;
  failed: number;
  /** Items that were looked at. */
  of: number;
  says: string;
}

export interface StepFinished {
  state: 'done' | 'partial' | 'failed';
  counts: Record<string, number>;
  exceptions: { key: string; status: string; code: string; message: string }[];
  /** Of a step that people do or decide: who answered, and what was chosen. */
  by?: PrincipalId;
  choice?: string;
}

/** containment.limit-reached, of a hold that is not put back until then, or not by itself at all. */
export interface LimitReached {
  says: string;
  /** Absent of what is not held, because the approval does not cover it any more. */
  hold?: string;
  until?: Iso;
}

/** owner.changed */
export interface OwnerChanged {
  owner: PrincipalId;
  says: string;
}

/** run.paused */
export interface Paused {
  by: PrincipalId;
  until: Iso;
  says: string;
}

export interface NeedsAPerson {
  code: string;
  why: string;
  next: string;
  step?: string;
}
