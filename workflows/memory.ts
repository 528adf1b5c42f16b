/** What a run knows; plain JSON, so that it can be handed over when the run continues as new. */
import type { AnsweredBefore, Begun, RunRef } from '../activities/contract.js';
import type { Counts } from '../core/counts.js';
import type { Ask, Counted } from '../core/gate.js';
import type { Digest, Json, PrincipalId } from '../core/json.js';
import type { PlanRef } from '../core/plan.js';
import type { Statement } from '../core/statement.js';
import type { Task } from '../core/task.js';

export interface StepResult {
  state: 'done' | 'partial' | 'failed' | 'skipped';
  counts: Counts;
  /** Not done, and no reason for the run to stop: no more failed than the step tolerates. */
  tolerated?: boolean;
  /** Of a step that people decide; empty where it was skipped. */
  choice?: string;
  /** Of a check: what it found, and the digest under which that is on record; nothing where it was skipped. */
  found?: Json[];
  foundAs?: Digest;
}

/** A step that waits for people to do or decide it. */
export interface TaskRecord {
  task: Task;
  remindAt: number;
  /** Whose word counts: the first, from before it is on record. */
  answeredBy?: PrincipalId;
  /** That word, once it is on record. */
  answer?: { by: PrincipalId; choice?: string };
}

/** An asking of a gate, with what was said about it. */
export interface AskRecord {
  ask: Ask;
  plans: PlanRef[];
  counted: Counted[];
  /** Those that counted, in order: the warrant of what follows. */
  statements: Statement[];
  state: 'asking' | 'passed' | 'denied' | 'expired' | 'closed';
  remindedAt: number;
  escalated: boolean;
}

/** A step's current plan and the asking that it waits for, or waits for none. */
export interface Planned {
  plan: PlanRef;
  ask?: string;
}

export type Answer = { outcome: string } | { code: string; reason: string };

export interface RunMemory {
  version: 1;
  run: RunRef;
  /** Who is paged. */
  owner: PrincipalId;
  /** Launched by a service: one more person agrees at each gate. */
  byService?: true;
  watch: Accepted['watch'];
  responders: string[];
  /** By step, what people did or decided in the run that this one adds to. */
  answered: Record<string, AnsweredBefore>;
  results: Record<string, StepResult>;
  planned: Record<string, Planned>;
  /** Steps that failed and are being taken back, which nothing ends early. */
  undoing?: Record<string, true>;
  /** Of steps that did not end well and wait for a retry: what is left of them is found by this. */
  incomplete: Record<string, Planned>;
  /** Last round of each gate. */
  rounds: Record<string, number>;
  asks: AskRecord[];
  /** By step. */
  tasks: Record<string, TaskRecord>;
  /** Answers by verb, person and nonce: a second delivery gets the first one's answer, also after continuing as new. */
  answers: Record<string, Answer>;
  refusals: Record<string, number>;
  /** Whether anything may have been written: from then on a cancel asks. */
  wrote: boolean;
  cancelled: boolean;
  /** By step, until when it looks again, in milliseconds. */
  untils: Record<string, number>;
  /** Steps that people agreed to leave out: the words for the record, and the asking that they rest on. */
  skips: Record<string, { why: string; ask: string }>;
  /** Until then nothing new begins, in milliseconds. */
  pausedUntil?: number;
  /** Since when it is paused without anybody's having agreed, and for how long it was before, in milliseconds. */
  pausedAloneSince?: number;
  pausedAloneMs?: number;
  /** A failure that stops the run: steps not yet begun do not begin. */
  stopped: boolean;
  /** Steps whose containment is watched. */
  watched: string[];
  /** Events written by this run so far; names the next one. */
  events: number;
  /** Calls under way; 0 whenever this is handed over. */
  inFlight: number;
}

type Accepted = Extract<Begun, { refused?: never }>;

export function freshMemory(run: RunRef, { watch, responders, answered = {}, service }: Accepted): RunMemory {
  return {
    version: 1,
    run,
    owner: service?.owner ?? run.requester,
    ...(service === undefined ? {} : { byService: true }),
    watch,
    responders,
    answered,
    results: {},
    planned: {},
    incomplete: {},
    rounds: {},
    asks: [],
    tasks: {},
    answers: {},
    refusals: {},
    wrote: false,
    cancelled: false,
    untils: {},
    skips: {},
    stopped: false,
    watched: [],
    events: 0,
    inFlight: 0,
  };
}
