/** One entry of the journal. Everything that people are shown, cards, status, export, is folded from these. */
import type { Target } from './change.js';
import type { Digest, Iso, JsonObject, PrincipalId } from './json.js';
import type { Statement } from './statement.js';

export const eventActions = [
  'incident.opened',
  'run.launched',
  'run.refused',
  'run.needs-a-person',
  'run.resumed',
  'run.paused',
  'run.unpaused',
  'run.done',
  'run.failed',
  'run.cancelled',
  'step.started',
  'step.asked',
  'step.reminded',
  'step.found',
  'step.finished',
  'step.skipped',
  'plan.made',
  'gate.asked',
  'gate.reminded',
  'gate.escalated',
  'gate.extended',
  'gate.passed',
  'gate.denied',
  'gate.expired',
  'gate.closed',
  'statement.attempted',
  'statement.counted',
  'statement.refused',
  'warrant.refused',
  'hold.intended',
  'hold.in-force',
  'hold.joined',
  'hold.reopened',
  'hold.taken-back',
  'hold.left',
  'hold.releasing',
  'hold.closed',
  'change.settled',
  'evidence.collected',
  'evidence.failed',
  'containment.started',
  'containment.differs',
  'containment.settled-again',
  'containment.not-settled',
  'containment.limit-reached',
  'containment.review-due',
  'containment.extended',
  'containment.ended',
  'owner.paged',
  'owner.changed',
  'note',
] as const;
export type EventAction = (typeof eventActions)[number];

/** An event before the journal has given it its place: `id` makes the append idempotent. */
export interface EventDraft {
  chain: string;
  id: string;
  run?: string;
  step?: string;
  occurredAt: Iso;
  /** A principal, or a part of the engine: `engine`, `executor:aws`, `gateway`. */
  actor: PrincipalId;
  action: EventAction;
  target?: Target;
  outcome?: string;
  statement?: Statement;
  data?: JsonObject;
}

export interface Event extends EventDraft {
  version: 1;
  seq: number;
  recordedAt: Iso;
  prev: Digest;
  hash: Digest;
}

/** The chain for what belongs to no incident: starts, keys, configuration. */
export const installationChain = 'installation';
