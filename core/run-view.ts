/** A run as people see it, folded from its events alone; cards, `status` and `watch` are views of this. */
import type { Event, EventAction } from './event.js';
import type {
  GateAsked,
  GateMoved,
  LimitReached,
  NeedsAPerson,
  OwnerChanged,
  Paused,
  PlanMade,
  RunLaunched,
  StatementRuled,
  StepAsked,
  StepFinished,
} from './event-data.js';
import { type GateSpec, goodUntil, type Request } from './gate.js';
import type { Digest, Iso, Json, PrincipalId } from './json.js';
import type { PlanRef } from './plan.js';
import type { Phase } from './runbook.js';
import type { GateAbout } from './statement.js';
import type { Task } from './task.js';
import type { Verb } from './verbs.js';

export type RunState =
  | 'planning'
  | 'asking'
  | 'running'
  | 'paused'
  | 'needs a person'
  | 'done'
  | 'failed'
  | 'cancelled'
  | 'refused';

export interface StepView {
  id: string;
  phase: Phase;
  unit: string;
  gate?: string;
  /** `unknown`: it had begun when the run ended, and nothing tells how far it came. */
  state: 'waiting' | 'running' | 'done' | 'partial' | 'failed' | 'skipped' | 'unknown';
  startedAt?: Iso;
  endedAt?: Iso;
  counts: Record<string, number>;
  exceptions: StepFinished['exceptions'];
  plan?: PlanRef;
  /** Of a step that people did or decided: whose word it was, and what was chosen. */
  by?: PrincipalId;
  choice?: string;
}

export interface AskView {
  id: string;
  about: GateAbout;
  allows: 'carry out' | Verb;
  request?: Request;
  spec: GateSpec;
  excluded: PrincipalId[];
  openedAt: Iso;
  deadline: Iso;
  containing: boolean;
  plans: PlanRef[];
  reason?: string;
  /** `closed`: the run ended, or the step was skipped, while it asked; nobody can answer any more. */
  state: 'asking' | 'passed' | 'denied' | 'expired' | 'closed';
  decided: Decision[];
  /** Approvals that grew too old before the gate passed: they count no more, and can be given again. */
  lapsed?: Decision[];
}

export interface Decision {
  by: PrincipalId;
  verb: string;
  at: Iso;
  reason?: string;
  /** Of an approval: until when it counts. */
  goodUntil?: Iso;
}

/** What waits for somebody to do or decide it. */
export interface TaskView extends Task {
  askedAt: Iso;
}

export interface WatchView {
  at: Iso;
  action: string;
  text: string;
  /** Which hold is not put back, and until when; absent: not by itself at all. */
  limit?: { hold: string; until?: Iso };
}

export interface RunView {
  run: string;
  incident: string;
  verb: 'launch' | 'plan' | 'release' | 'undo';
  runbook: string;
  version: number;
  digest: Digest;
  summary: string;
  environment: string;
  separation: 'nominal' | 'real';
  launch: Digest;
  inputs: Json;
  /** The run that this one adds targets to. */
  amends?: string;
  requester: PrincipalId;
  /** Who is paged: the requester, until it is handed over. */
  owner: PrincipalId;
  reason?: string;
  launchedAt: Iso;
  endedAt?: Iso;
  /** What its end says of itself, such as that somebody ended it at Temporal. */
  says?: string;
  state: RunState;
  steps: StepView[];
  asks: AskView[];
  tasks: TaskView[];
  refusals: { by: PrincipalId; verb: string; at: Iso; code: string; reason: string }[];
  /** The latest of `waiting`. */
  needs?: NeedsAPerson;
  /** All that waits for a person, the latest last; one step's retry does not speak for the others. */
  waiting: NeedsAPerson[];
  paused?: { by: PrincipalId; until: Iso };
  evidence: number;
  notes: { by: PrincipalId; at: Iso; text: string }[];
  /** What the containment saw while in force. */
  watch: WatchView[];
  lastEventAt: Iso;
}

/** Undefined when the events hold no launch of this run. */
export function viewRun(events: Event[]): RunView | undefined {
  return events.reduce<RunView | undefined>(fold, undefined);
}

/** One event further. Events of other runs and of no run are passed over. */
export function fold(view: RunView | undefined, event: Event): RunView | undefined {
  if (event.action === 'run.launched' || event.action === 'run.refused') return launched(view, event);
  if (view === undefined || event.run !== view.run) return view;
  const next = isOver(view) && event.action in passedOver ? late(view, event) : step(view, event);
  return { ...next, lastEventAt: event.recordedAt };
}

function launched(view: RunView | undefined, event: Event): RunView {
  const data = event.data as unknown as RunLaunched;
  const refused = event.action === 'run.refused';
  if (view !== undefined)
    return { ...view, state: refused && !isOver(view) ? 'refused' : view.state, lastEventAt: event.recordedAt };
  const run: RunView = {
    run: event.run ?? '',
    incident: event.chain,
    verb: data.verb,
    runbook: data.runbook,
    version: data.version,
    digest: data.digest,
    summary: data.summary,
    environment: data.environment,
    separation: data.separation,
    launch: data.launch,
    inputs: data.inputs,
    ...(data.amends === undefined ? {} : { amends: data.amends }),
    requester: event.actor,
    owner: data.owner ?? event.actor,
    launchedAt: event.occurredAt,
    state: refused ? 'refused' : 'planning',
    steps: data.steps.map((each) => ({ ...each, state: 'waiting' as const, counts: {}, exceptions: [] })),
    asks: [],
    tasks: [],
    refusals: [],
    waiting: [],
    evidence: 0,
    notes: [],
    watch: [],
    lastEventAt: event.recordedAt,
  };
  return event.statement?.reason === undefined ? run : { ...run, reason: event.statement.reason };
}

/** Nothing moves a run after its end; what is still found out about its steps and its holds, and what people say, is shown. */
function isOver({ state }: RunView): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled' || state === 'refused';
}

/** What a worker wrote at the same moment, or after a run was ended past Firebreak. */
const passedOver: Partial<Record<EventAction, true>> = {
  'run.done': true,
  'run.failed': true,
  'run.cancelled': true,
  'run.needs-a-person': true,
  'run.resumed': true,
  'run.paused': true,
  'run.unpaused': true,
  'step.started': true,
  'step.asked': true,
  'gate.asked': true,
  'gate.passed': true,
  'gate.denied': true,
  'gate.expired': true,
  'gate.closed': true,
  'gate.reminded': true,
  'gate.escalated': true,
  'gate.extended': true,
};

function late(view: RunView, event: Event): RunView {
  const begun = view.steps.find(({ id, state }) => id === event.step && state === 'waiting');
  if (event.action !== 'step.started' || begun === undefined) return view;
  return onStep(view, event, { state: 'unknown', startedAt: event.occurredAt });
}

function step(view: RunView, event: Event): RunView {
  switch (event.action) {
    case 'run.done':
      return ended(view, event, 'done');
    case 'run.failed':
      return ended(view, event, 'failed');
    case 'run.cancelled':
      return ended(view, event, 'cancelled');
    case 'run.needs-a-person':
      return nowWaiting({ ...view, state: 'needs a person' }, [
        ...view.waiting.filter((each) => each.step !== event.step),
        event.data as unknown as NeedsAPerson,
      ]);
    case 'run.resumed': {
      const waiting = view.waiting.filter((each) => each.step !== event.step);
      return nowWaiting({ ...view, state: stateWhile({ ...view, waiting }, 'running') }, waiting);
    }
    case 'run.paused': {
      const { by, until } = event.data as unknown as Paused;
      const paused = { ...view, paused: { by, until } };
      return { ...paused, state: stateWhile(paused, 'running') };
    }
    case 'run.unpaused': {
      const { paused: _paused, ...going } = view;
      return { ...going, state: stateWhile(going, 'running') };
    }
    case 'step.started':
      return {
        ...onStep(view, event, { state: 'running', startedAt: event.occurredAt }),
        state: stateWhile(view, 'running'),
      };
    case 'owner.changed':
      return { ...view, owner: (event.data as unknown as OwnerChanged).owner, watch: [...view.watch, seen(event)] };
    case 'step.asked':
      return taskAsked(view, event);
    case 'step.finished': {
      const { state, counts, exceptions, by, choice } = event.data as unknown as StepFinished;
      const said = { ...(by === undefined ? {} : { by }), ...(choice === undefined ? {} : { choice }) };
      return withoutTask(onStep(view, event, { state, counts, exceptions, endedAt: event.occurredAt, ...said }), event);
    }
    case 'step.skipped':
      return withoutNeed(
        withoutTask(onStep(view, event, { state: 'skipped', endedAt: event.occurredAt }), event),
        event,
      );
    case 'plan.made':
      return onStep(view, event, { plan: (event.data as unknown as PlanMade).plan });
    case 'gate.asked':
      return asked(view, event);
    case 'gate.passed':
      return onAsk(view, event, 'passed');
    case 'gate.denied':
      return onAsk(view, event, 'denied');
    case 'gate.expired':
      return onAsk(view, event, 'expired');
    case 'gate.closed':
      return onAsk(view, event, 'closed');
    case 'gate.reminded':
      return lapsed(onAsk(view, event, 'asking'), event);
    case 'gate.escalated':
    case 'gate.extended':
      return onAsk(view, event, 'asking');
    case 'statement.counted':
      return counted(view, event);
    case 'statement.refused': {
      const { verb, code = 'refused', reason = '' } = event.data as unknown as StatementRuled;
      return { ...view, refusals: [...view.refusals, { by: event.actor, verb, at: event.occurredAt, code, reason }] };
    }
    case 'evidence.collected':
      return { ...view, evidence: view.evidence + 1 };
    case 'note':
      return {
        ...view,
        notes: [...view.notes, { by: event.actor, at: event.occurredAt, text: event.statement?.reason ?? '' }],
      };
    case 'containment.differs':
    case 'containment.settled-again':
    case 'containment.not-settled':
    case 'containment.limit-reached':
    case 'containment.review-due':
    case 'containment.extended':
    case 'containment.ended':
    case 'owner.paged':
      return { ...view, watch: [...view.watch, seen(event)] };
    default:
      return view;
  }
}

function seen({ occurredAt, action, data }: Event): WatchView {
  const view = { at: occurredAt, action, text: textOf(data?.['says']) };
  if (action !== 'containment.limit-reached') return view;
  const { hold, until } = data as unknown as LimitReached;
  return hold === undefined ? view : { ...view, limit: { hold, ...(until === undefined ? {} : { until }) } };
}

function ended(view: RunView, event: Event, state: RunState): RunView {
  const says = textOf(event.data?.['says']);
  const { paused: _paused, ...going } = view;
  const over: RunView = {
    ...going,
    state,
    endedAt: event.occurredAt,
    steps: view.steps.map((each) => (each.state === 'running' ? { ...each, state: 'unknown' } : each)),
    asks: view.asks.map((ask) => (ask.state === 'asking' ? { ...ask, state: 'closed' } : ask)),
    tasks: [],
    ...(says === '' ? {} : { says }),
  };
  return nowWaiting(over, []);
}

function nowWaiting({ needs: _needs, ...view }: RunView, waiting: NeedsAPerson[]): RunView {
  const needs = waiting.at(-1);
  return needs === undefined ? { ...view, waiting } : { ...view, waiting, needs };
}

/** A run that asks, is paused, or waits for a person, goes on doing so while another of its branches runs. */
function stateWhile(view: RunView, otherwise: RunState): RunState {
  if (view.waiting.length > 0) return 'needs a person';
  if (view.paused !== undefined) return 'paused';
  return view.tasks.length > 0 || view.asks.some((ask) => ask.state === 'asking') ? 'asking' : otherwise;
}

function taskAsked(view: RunView, event: Event): RunView {
  const { remindMs: _remindMs, ...task } = event.data as unknown as StepAsked;
  const tasks = [...view.tasks.filter(({ step: id }) => id !== event.step), { ...task, askedAt: event.occurredAt }];
  const begun = onStep({ ...view, tasks }, event, { state: 'running', startedAt: event.occurredAt });
  return { ...begun, state: stateWhile(begun, 'running') };
}

function withoutTask(view: RunView, event: Event): RunView {
  const tasks = view.tasks.filter(({ step: id }) => id !== event.step);
  if (tasks.length === view.tasks.length) return view;
  return { ...view, tasks, state: stateWhile({ ...view, tasks }, 'running') };
}

/** A step that was left out waits for nobody's retry. */
function withoutNeed(view: RunView, event: Event): RunView {
  const waiting = view.waiting.filter(({ step: id }) => id !== event.step);
  if (waiting.length === view.waiting.length) return view;
  return nowWaiting({ ...view, state: stateWhile({ ...view, waiting }, 'running') }, waiting);
}

function onStep(view: RunView, event: Event, patch: Partial<StepView>): RunView {
  return { ...view, steps: view.steps.map((each) => (each.id === event.step ? { ...each, ...patch } : each)) };
}

function asked(view: RunView, event: Event): RunView {
  const data = event.data as unknown as GateAsked;
  const ask: AskView = { ...data, openedAt: event.occurredAt, state: 'asking', decided: [] };
  const state = view.paused === undefined ? 'asking' : 'paused';
  return { ...view, state, asks: [...view.asks.filter(({ id }) => id !== ask.id), ask] };
}

function onAsk(view: RunView, event: Event, state: AskView['state']): RunView {
  const { id, deadline } = event.data as unknown as GateMoved;
  const asks = view.asks.map((ask) => (ask.id === id ? { ...ask, state, deadline: deadline ?? ask.deadline } : ask));
  const moved = { ...view, asks };
  return state === 'asking' ? moved : { ...moved, state: stateWhile(moved, 'running') };
}

function counted(view: RunView, event: Event): RunView {
  const { verb, gate, round } = event.data as unknown as StatementRuled;
  const { statement } = event;
  const decision: Decision = {
    by: event.actor,
    verb,
    at: event.occurredAt,
    ...(statement?.reason === undefined ? {} : { reason: statement.reason }),
  };
  const decide = (ask: AskView): AskView => {
    const until = statement === undefined || verb !== 'approve' ? {} : { goodUntil: goodUntil(statement, ask.spec) };
    return { ...ask, decided: [...ask.decided, { ...decision, ...until }] };
  };
  return {
    ...view,
    asks: view.asks.map((ask) => (ask.about.gate === gate && ask.about.round === round ? decide(ask) : ask)),
  };
}

/** A reminder names whose approvals have lapsed; told by the run, so that a view follows from events and needs no clock. */
function lapsed(view: RunView, event: Event): RunView {
  const { id, lapsed: whose = [] } = event.data as unknown as GateMoved & { lapsed?: PrincipalId[] };
  const isLapsed = (each: Decision): boolean => each.verb === 'approve' && whose.includes(each.by);
  const without = (ask: AskView): AskView => ({
    ...ask,
    decided: ask.decided.filter((each) => !isLapsed(each)),
    lapsed: [...(ask.lapsed ?? []), ...ask.decided.filter(isLapsed)],
  });
  return { ...view, asks: view.asks.map((ask) => (ask.id === id && whose.length > 0 ? without(ask) : ask)) };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
