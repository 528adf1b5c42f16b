/**
 * The gateway's API for the CLI: JSON over HTTP on loopback, `Authorization: Bearer` with the token in
 * `.firebreak/gateway.json` (0600). What a person says is a statement signed by that person; the token only lets in.
 * Errors are `{ error: { code, message, nextStep } }` with status 400 (bad input), 403 (the rules say no), 404, 503
 * (something needed cannot be reached) or 500 (a bug).
 */
import type { BoundEffect } from '../core/bound.js';
import type { Event } from '../core/event.js';
import type { ShownHold } from '../core/hold.js';
import type { Digest, Iso, Json, PrincipalId } from '../core/json.js';
import type { RunView } from '../core/run-view.js';
import type { About, LaunchAbout, Statement } from '../core/statement.js';
import type { ShownChange } from '../core/shown-change.js';
import type { Verb } from '../core/verbs.js';

/** POST /v1/prepare { ask, by }: what exactly would be said; the CLI shows it, signs it and sends it to /v1/say. */
export interface PrepareRequest {
  ask: Prepare;
  by: PrincipalId;
}

export interface Adopt {
  step: string;
  was: Record<string, Json>;
}

export type Prepare =
  | {
      verb: 'launch' | 'plan';
      runbook: string;
      inputs: Record<string, Json>;
      incident?: string;
      reason?: string;
      /** Launch although an equal run is open; without it that is refused. */
      again?: boolean;
      /** What was done by hand at a step is taken over: by target, what was there before. */
      adopt?: Adopt;
      /** The run to which targets are added: `inputs` are those of its lists that grow, with what is new in them. */
      amends?: string;
    }
  | { verb: 'release'; of: string; reason?: string }
  | { verb: 'undo'; run: string; step?: string; reason?: string }
  | { verb: 'hand-over'; run: string; to: PrincipalId; reason?: string }
  | { verb: 'confirm'; run: string; step?: string; reason?: string }
  | { verb: 'choose'; run: string; choice: string; step?: string; reason?: string }
  | {
      verb: Exclude<Verb, 'launch' | 'plan' | 'release' | 'undo' | 'hand-over' | 'confirm' | 'choose'>;
      run: string;
      gate?: string;
      step?: string;
      byMs?: number;
      reason?: string;
    };

export interface Prepared {
  about: About;
  nonce: string;
  /** For verbs that start a run: kept by the gateway under the run id until the statement arrives. */
  run: string;
  incident: string;
  /** Lines for the person who is about to sign. */
  shows: string[];
  /** For how long the statement shall be good, in milliseconds, where the gate says so; an hour otherwise. */
  validForMs?: number;
}

/**
 * POST /v1/say { statement }: answered once it counted (200), or refused with a code (403). 202 when it was durably
 * received and the engine has not answered yet: it is delivered as soon as the engine can be reached.
 */
export interface Said {
  run: string;
  incident: string;
  outcome: string;
}

/** GET /v1/runs, /v1/runs/:run, /v1/runs/:run/events?after=SEQ&wait=SECONDS, /v1/runs/:run/plan, /v1/holds?of=RUN|INCIDENT */
export interface RunAnswer {
  view: RunView;
  holds: ShownHold[];
}
export interface EventsAnswer {
  events: Event[];
  /** Position to ask after next. */
  next: number;
}
export interface PlanAnswer {
  plan: Digest | undefined;
  steps: PlannedStep[];
}

export interface PlannedStep {
  step: string;
  changes: ShownChange[];
  failed: { item: Json; code: string; message: string }[];
  /** Where the targets are still to be found: what people would agree to. */
  bound?: BoundEffect;
}

/** GET /v1/timeline/:incident?format=jsonl|md : the export as text. GET /v1/health : what the gateway can reach. */
export interface Health {
  ok: boolean;
  parts: { name: string; ok: boolean; says: string }[];
}

/** GET /v1/waiting: launches that were received and not taken up by the engine yet, the newest first. */
export interface KeptLaunch {
  run: string;
  incident: string;
  verb: RunView['verb'];
  /** Its name. */
  runbook: string;
  by: PrincipalId;
  reason?: string;
  receivedAt: Iso;
  about: LaunchAbout;
}

export type SayRequest = { statement: Statement };

/** `outcome` of what was received and not answered yet. */
export const beingDelivered = 'received; being delivered';
