/** What workflows ask of activities: types only, so that the workflow build sees no activity code. */
import type { BoundEffect } from '../core/bound.js';
import type { Counts } from '../core/counts.js';
import type { Digest, Iso, Json, PrincipalId } from '../core/json.js';
import type { EventDraft } from '../core/event.js';
import type { GateSpec, Request } from '../core/gate.js';
import type { PlanRef } from '../core/plan.js';
import type { Retry, Runbook } from '../core/runbook.js';
import type { Facts, LaunchAbout, Statement } from '../core/statement.js';
import type { Verb } from '../core/verbs.js';

/** What everything in a run is about. */
export interface RunRef {
  run: string;
  incident: string;
  /** Digest of the launch statement's `about`. */
  launch: Digest;
  requester: PrincipalId;
}

/**
 * The statements that lead to this work; whoever carries it out judges them itself.
 * `gate` statements belong to one ask: `gate`, `round` and the plan they were about.
 */
export interface Warrant {
  launch: Statement;
  gate?: { gate: string; round: number; plan: Digest; statements: Statement[] };
  /** By step, what checks of the run found: the digest under which it is on record. */
  found?: Record<string, Digest>;
}

export interface BeginInput {
  run: string;
  incident: string;
  runbook: Runbook;
  inputs: Json;
  launch: Statement;
}

/** Of one of these: items, all that follow from the launch, what is still to be found, or what a try left over. */
export interface PlanInput {
  run: RunRef;
  step: string;
  round: number;
  unit: string;
  items?: Json[];
  /** Its items are worked out of what was launched: thousands are near the limit of a payload. */
  launch?: Statement;
  /** How many there may be, once they are found. */
  bound?: BoundEffect;
  /** Those of this plan of the step that did not end well. */
  leftOf?: PlanRef;
  /** What was done by hand and is taken over: digest of what its targets are said to have been. */
  adopts?: Digest;
  onFailure: 'stop' | 'continue' | 'undo' | 'ask';
  retry: Retry;
}

/** For release and undo: what is to be exchanged. */
export interface ExchangePlanInput {
  run: RunRef;
  step: string;
  round: number;
  of: 'holds' | 'outcomes';
  /** Runs whose holds are released, or the run whose outcomes are undone. */
  runs: string[];
  /** For undo: only this step. */
  onlyStep?: string;
  retry: Retry;
}

export interface AskInput {
  run: RunRef;
  id: string;
  gate: string;
  round: number;
  allows: 'carry out' | Verb;
  request?: Request;
  /** What the asked statement said, for requests such as `cancel`. */
  reason?: string;
  spec: GateSpec;
  excluded: PrincipalId[];
  plans: PlanRef[];
  openedAt: Iso;
  deadline: Iso;
  containing: boolean;
}

export interface CarryOutInput {
  run: RunRef;
  step: string;
  plan: PlanRef;
  /** Items from `from` up to, not including, `to`. */
  from: number;
  to: number;
  warrant: Warrant;
  /** The first batch of a step journals its start. */
  opens: boolean;
  /** The only batch of a step journals its end too; of several, the workflow does. */
  closes: boolean;
  retry: Retry;
}

export interface BatchResult {
  counts: Counts;
  /** The first few that need a person's eye; the rest lies in the store. */
  exceptions: { key: string; status: string; code: string; message: string }[];
  /** Items of which something lies outside the bound: they are planned and asked for again, for themselves alone. */
  outside: Json[];
}

export interface CollectInput {
  run: RunRef;
  step: string;
  unit: string;
  items: Json[];
  /** After how many milliseconds it ends with what it has. */
  timeBoxMs?: number;
  warrant: Warrant;
  opens: boolean;
  closes: boolean;
  retry: Retry;
}

export interface CheckInput {
  run: RunRef;
  step: string;
  items: Json[];
  warrant: Warrant;
  /** The first look journals the start of the step. */
  opens: boolean;
  retry: Retry;
}

export interface CheckResult {
  /** Digest of `findings`, under which they are on record. */
  found: Digest;
  findings: Json[];
  /** Items that could not be looked at. */
  failed: number;
  /** The first few of those. */
  exceptions: BatchResult['exceptions'];
}

/** Takes back what a step did before it failed, because its approved failure rule says so; never a containment. */
export interface TakeBackInput {
  run: RunRef;
  step: string;
  warrant: Warrant;
  retry: Retry;
}

export interface WatchInput {
  run: RunRef;
  step: string;
  /** The plan whose items are planned again. */
  plan: PlanRef;
  warrant: Warrant;
  /** Who is paged. */
  owner: PrincipalId;
  /** How often what somebody flips back may be settled again in an hour, for each side of a target by itself. */
  settlesPerHour: number;
  /** Names this look in event ids, so that a retried look writes its events once. */
  look: number;
  retry: Retry;
}

export interface WatchResult {
  /** Open holds of this run after the look. */
  open: number;
  /** Whether the run has ended on the record, so that nothing more will be held for it; then 0 open ends the containment. */
  ended: boolean;
}

/** On the control queue: no credentials of any system. */
export interface ControlActivities {
  begin(input: BeginInput): Promise<Begun>;
  /** Journals that something was said and finds out who said it. */
  hear(input: { run: RunRef; statement: Statement }): Promise<Facts>;
  /** Only what workflows may write: `activities/own-run.ts` refuses all else. */
  append(drafts: EventDraft[]): Promise<void>;
  /** Journals that a gate asks; returns the plan digest, over the sorted effect digests of all plans. */
  ask(input: AskInput): Promise<{ plan: Digest }>;
  /** Closes the holds that end with their run (all but containments) and journals the end. */
  finish(input: FinishInput): Promise<void>;
}

export interface AnsweredBefore {
  by: PrincipalId;
  run: string;
  choice?: string;
  /** What they were asked; absent in what was recorded by releases that did not tell it. */
  what?: string;
}

export type Begun =
  | { refused: { code: string; reason: string } }
  | {
      refused?: never;
      about: LaunchAbout;
      launch: Digest;
      watch: { everyMs: number; settlesPerHour: number };
      /** A service launched it: whose it is instead, and one more person agrees. */
      service?: { owner: PrincipalId };
      /** Groups of responders, who decide about what no gate of the runbook is for. */
      responders: string[];
      /** By step, what people did or decided in the run that this one adds to. */
      answered?: Record<string, AnsweredBefore>;
    };

export interface FinishInput {
  run: RunRef;
  action: 'run.done' | 'run.failed' | 'run.cancelled';
  says: string;
  endedAt: Iso;
}

/** On a system's executor queue, with that system's credentials. */
export interface ExecutorActivities {
  plan(input: PlanInput): Promise<PlanRef>;
  planExchange(input: ExchangePlanInput): Promise<PlanRef>;
  carryOut(input: CarryOutInput): Promise<BatchResult>;
  takeBack(input: TakeBackInput): Promise<Counts>;
  collect(input: CollectInput): Promise<{ collected: number; failed: number }>;
  check(input: CheckInput): Promise<CheckResult>;
  watch(input: WatchInput): Promise<WatchResult>;
}
