/**
 * Whether people really agreed to what the timeline says they agreed to: every statement that counted is proven again, and
 * every gate that passed is judged again by `core/gate.ts`, from the statements alone.
 */
import * as z from 'zod';
import type { Event } from '../../core/event.js';
import type { GateAsked, OwnerChanged, RunLaunched, StatementRuled } from '../../core/event-data.js';
import {
  type Ask,
  type Counted,
  judge,
  judgeHandOver,
  judgeLauncher,
  judgeResponder,
  verdict,
} from '../../core/gate.js';
import type { Digest, Iso, PrincipalId } from '../../core/json.js';
import type { People } from '../../core/people.js';
import { leastGateOf, type Risk, risks, worst } from '../../core/risk.js';
import type { Facts, Statement } from '../../core/statement.js';
import { whoMay } from '../../core/verbs.js';
import { digestOf, planDigest } from '../digest.js';
import { proveFacts } from '../proof.js';
import { asOf } from './anchors.js';
import { nothingTold, type StepsTold, toldOf, unaskedFault } from './skips.js';
import { type Judged, taskAnswered, taskAsked, taskFinished, type Tasks } from './tasks.js';

/** Where something is wrong, and what. */
export interface Wrong {
  line: number;
  seq: number;
  code: string;
  message: string;
}

/** What happened to one asking, to be judged once all of it was read. */
type Moment = { line: number; seq: number; atMs: number } & (
  | { kind: 'extended'; deadline: Iso }
  | { kind: 'said'; statement: Statement; facts: Facts }
  | { kind: 'passed' }
  | { kind: 'followed' }
);

interface Asked {
  ask: Ask;
  moments: readonly Moment[];
}

interface RunRecord {
  launch?: { digest: Digest; requester: PrincipalId; byService: boolean; amends?: string };
  asked: readonly Asked[];
  tasks?: Tasks;
  told?: StepsTold;
}

/** What was said so far, run by run. Never changed in place, so that reading can go on from any line. */
export type Agreement = ReadonlyMap<string, RunRecord>;

export interface Heard {
  agreement: Agreement;
  /** Statements proven by this event: 1 or 0. */
  proven: number;
  wrong: Wrong[];
}

interface Here {
  agreement: Agreement;
  event: Event;
  line: number;
  people: People;
}

/** Events that carry what was said whether or not it was proven; nothing rests on them. */
const unjudged = new Set<string>(['statement.attempted', 'statement.refused', 'run.refused', 'warrant.refused']);

/** Takes one event further. `people` are those of the whole timeline; they are looked at as of the event. */
export function hear(agreement: Agreement, event: Event, line: number, people: People): Heard {
  const here = { agreement, event, line, people };
  switch (event.action) {
    case 'run.launched':
      return launched(here);
    case 'gate.asked':
      return asked(here);
    case 'gate.extended':
    case 'gate.passed':
      return moved(here);
    case 'step.started':
      return heard(withTold(here));
    case 'step.asked':
      return onTasks(withTold(here), (tasks) => taskAsked(tasks, event));
    case 'step.finished':
      return onTasks(withTold(here), (tasks) => taskFinished(tasks, event));
    case 'step.skipped':
      return skipped(here);
    case 'owner.changed':
      return ownerChanged(here);
    case 'statement.counted':
      return counted(here);
    default:
      return event.statement === undefined || unjudged.has(event.action) ? heard(here) : carried(here);
  }
}

/** Judges every asking, in the order of what happened: two answers of one moment may be journaled in either order. */
export function judgeAskings(agreement: Agreement): Wrong[] {
  return [...agreement.values()].flatMap(({ asked: all }) => all.flatMap(judgeAsking));
}

function judgeAsking({ ask, moments }: Asked): Wrong[] {
  const order = { extended: 0, said: 1, passed: 2, followed: 3 };
  const inOrder = moments.toSorted((a, b) => a.atMs - b.atMs || order[a.kind] - order[b.kind] || a.line - b.line);
  const wrong: Wrong[] = [];
  let now = ask;
  let standing: Counted[] = [];
  let passed = false;
  for (const moment of inOrder) {
    const { line, seq, atMs } = moment;
    if (moment.kind === 'extended') {
      now = { ...now, deadline: moment.deadline };
    } else if (moment.kind === 'said') {
      const ruling = judge(now, standing, moment.statement, moment.facts, atMs);
      if (ruling.counts) standing = [...standing, ruling.counted];
      else
        wrong.push({
          line,
          seq,
          code: ruling.code,
          message: `This statement was counted and does not count: ${ruling.reason}`,
        });
    } else if (moment.kind === 'followed') {
      // Later than the passing, so that what was agreed to in time may have grown too old meanwhile.
      if (!passed)
        wrong.push({ line, seq, code: 'skip.not-supported', message: 'Nobody agreed to leave this step out.' });
    } else if (verdict(now, standing, atMs) === 'passed') {
      passed = true;
    } else {
      const { gate, round } = now.about;
      const message = `Gate "${gate}" (round ${round}) did not pass: ${now.spec.need} of ${now.spec.from.join(', ')} are needed, and ${standing.length} statements count.`;
      wrong.push({ line, seq, code: 'gate.not-supported', message });
    }
  }
  return wrong;
}

function launched(here: Here): Heard {
  const { event, agreement } = here;
  const { statement } = event;
  const run = event.run ?? '';
  if (agreement.get(run)?.launch !== undefined) return heard(here, 'run.launched-twice', `${run} was launched before.`);
  const facts = factsOf(here);
  if (statement === undefined || !facts.proof.good) return unproven(here, facts);
  const { about, by } = statement;
  const { runbook, digest: compiled, launch: named } = (event.data ?? {}) as Partial<RunLaunched>;
  const ruling = judgeLauncher(statement, facts, runbook, Date.parse(event.occurredAt));
  if (!ruling.counts) return heard(here, ruling.code, `The launch does not count: ${ruling.reason}`);
  const digest = digestOf(about);
  if (about.kind !== 'launch' || about.run !== run || about.incident !== event.chain || event.actor !== by) {
    return heard(here, 'run.other-launch', 'The statement did not launch this run.');
  }
  if (named !== digest) return heard(here, 'run.other-launch', 'The launch digest is not that of the statement.');
  const byService = facts.principal?.service !== undefined;
  // What a service may launch is told by name, which must then be that of what was launched.
  if (byService && (about.kind !== 'launch' || compiled !== about.runbook))
    return heard(here, 'run.other-launch', 'The runbook is not that of the statement.');
  return withRun({ ...here, proven: 1 }, run, (record) => ({
    ...record,
    launch: { digest, requester: by, byService, ...(about.amends === undefined ? {} : { amends: about.amends }) },
  }));
}

function asked(here: Here): Heard {
  const { event } = here;
  const read = askOf(event);
  if (read === undefined) return heard(here, 'event.malformed', 'It does not say what the gate asks.');
  const { ask, risk } = read;
  const run = event.run ?? '';
  const launch = here.agreement.get(run)?.launch;
  if (launch === undefined) return heard(here, 'gate.run-unknown', `No launch of ${run} is on record before this.`);
  if (ask.about.run !== run || ask.about.launch !== launch.digest) {
    return heard(here, 'gate.other-launch', 'The gate asks about another launch.');
  }
  if (ask.allows === 'carry out') {
    const least = leastGateOf(risk, launch.byService);
    if (ask.spec.need < least.need || ask.spec.personalKeys < least.personalKeys) {
      return heard(
        here,
        'gate.below-least',
        `The gate asks for less than its risk needs: ${least.need} people, ${least.personalKeys} with a key of their own.`,
      );
    }
    if (!ask.excluded.includes(launch.requester)) {
      return heard(
        here,
        'gate.requester-not-excluded',
        `${launch.requester} asked for this and could have decided it.`,
      );
    }
  } else {
    const fault = requestFault(ask);
    if (fault !== undefined) return heard(here, ...fault);
  }
  return withRun(here, run, (record) => ({ ...record, asked: [...record.asked, { ask, moments: [] }] }));
}

/** What is wrong with the asking for a request: too few are asked, the requester among them, or about something else. */
function requestFault({ allows, request, spec, excluded, about }: Ask): [string, string] | undefined {
  const rule = allows === 'carry out' || !Object.hasOwn(whoMay, allows) ? undefined : whoMay[allows];
  if (rule?.who !== 'asks') return ['gate.no-request', `"${allows}" is nothing that asks.`];
  if (spec.need < rule.need)
    return ['gate.below-least', `To ${allows} needs ${rule.need} people, and ${spec.need} were asked.`];
  if (request !== undefined && !excluded.includes(request.by))
    return ['gate.requester-not-excluded', `${request.by} asked for this and could have decided it.`];
  const effect = digestOf({ ...request, request: allows, run: about.run, round: about.round });
  return about.plan === planDigest([effect])
    ? undefined
    : ['gate.other-request', 'What was agreed to is not what the asking says.'];
}

function withTold(here: Here): Here {
  const { agreement, event } = here;
  const record = agreement.get(event.run ?? '') ?? { asked: [] };
  const told = toldOf(record.told ?? nothingTold, event);
  return { ...here, agreement: new Map(agreement).set(event.run ?? '', { ...record, told }) };
}

/** A step that people left out rests on an asking about that step; one that the runbook left out names none. */
function skipped(here: Here): Heard {
  const { agreement, event, line } = here;
  const named = event.data?.['ask'];
  if (named === undefined) {
    const record = agreement.get(event.run ?? '');
    const fault = unaskedFault(event, record?.told ?? nothingTold, (run) =>
      run === record?.launch?.amends ? agreement.get(run)?.tasks : undefined,
    );
    return fault === undefined ? heard(here) : heard(here, 'skip.not-supported', fault);
  }
  const moment = { line, seq: event.seq, atMs: Date.parse(event.occurredAt), kind: 'followed' as const };
  return withMoment(
    here,
    ({ ask }) => ask.id === named && ask.allows === 'skip' && ask.request?.step === event.step,
    moment,
  );
}

/** It is theirs to whom a responder handed it over, and nobody else's. */
function ownerChanged(here: Here): Heard {
  const { event, agreement } = here;
  const facts = factsOf(here);
  const { statement } = event;
  if (statement === undefined || !facts.proof.good) return unproven(here, facts);
  const { about, verb } = statement;
  const ruling = judgeHandOver(statement, facts, Date.parse(event.occurredAt));
  if (!ruling.counts) return heard(here, ruling.code, `The owner did not change: ${ruling.reason}`);
  const isThis = verb === 'hand-over' && about.run === event.run && about.kind === 'run';
  const launch = agreement.get(event.run ?? '')?.launch?.digest;
  const { owner } = (event.data ?? {}) as Partial<OwnerChanged>;
  return isThis && about.launch === launch && ruling.to === owner
    ? heard({ ...here, proven: 1 })
    : heard(here, 'owner.not-supported', 'Nobody handed this run over to that owner.');
}

function moved(here: Here): Heard {
  const { event, line } = here;
  const read = movedShape.safeParse(event.data);
  if (!read.success) return heard(here, 'event.malformed', 'It does not say which gate.');
  const { id, deadline } = read.data;
  const at = { line, seq: event.seq, atMs: Date.parse(event.occurredAt) };
  if (event.action === 'gate.passed') return withMoment(here, ({ ask }) => ask.id === id, { ...at, kind: 'passed' });
  if (deadline === undefined) return heard(here, 'event.malformed', 'It does not say until when the gate asks.');
  return withMoment(here, ({ ask }) => ask.id === id, { ...at, kind: 'extended', deadline });
}

function counted(here: Here): Heard {
  const { event, line } = here;
  const facts = factsOf(here);
  const { statement } = event;
  if (statement === undefined || !facts.proof.good) return unproven(here, facts);
  if (event.actor !== statement.by || statement.about.run !== event.run) {
    return heard(here, 'statement.other-event', 'The event tells of another person or run than the statement.');
  }
  const { gate, round, statement: named } = (event.data ?? {}) as Partial<StatementRuled>;
  if (named !== facts.digest)
    return heard(here, 'statement.other-digest', 'The event names another statement than it holds.');
  const { verb } = statement;
  const atMs = Date.parse(event.occurredAt);
  if (verb === 'approve' || verb === 'deny' || verb === 'withdraw') {
    const moment = { line, seq: event.seq, atMs, kind: 'said' as const, statement, facts };
    return withMoment(
      { ...here, proven: 1 },
      ({ ask }) => ask.about.gate === gate && ask.about.round === round,
      moment,
    );
  }
  if (verb === 'confirm' || verb === 'choose')
    return onTasks({ ...here, proven: 1 }, (tasks) => taskAnswered(tasks, event, statement, facts));
  const ruling = judgeResponder(statement, facts, atMs);
  return ruling.counts
    ? heard({ ...here, proven: 1 })
    : heard(here, ruling.code, `This statement was counted and does not count: ${ruling.reason}`);
}

function onTasks(here: Here & { proven?: number }, judgeOn: (tasks: Tasks) => Judged): Heard {
  const run = here.event.run ?? '';
  const before = here.agreement.get(run)?.tasks ?? new Map();
  const judged = judgeOn(before);
  if (judged.code !== undefined) return heard({ ...here, proven: 0 }, judged.code, judged.message);
  return judged.tasks === before ? heard(here) : withRun(here, run, (record) => ({ ...record, tasks: judged.tasks }));
}

/** What followed from a statement, and holds it: it must have been said. When it counted, its own event tells. */
function carried(here: Here): Heard {
  const facts = factsOf(here);
  return facts.proof.good ? heard({ ...here, proven: 1 }) : unproven(here, facts);
}

function factsOf({ event, people }: Here): Facts {
  return proveFacts(event.statement, asOf(people, event.recordedAt));
}

function unproven(here: Here, { proof }: Facts): Heard {
  return proof.good ? heard(here) : heard(here, proof.code, `What was said is not proven: ${proof.reason}`);
}

function withRun(here: Here & { proven?: number }, run: string, change: (record: RunRecord) => RunRecord): Heard {
  const agreement = new Map(here.agreement).set(run, change(here.agreement.get(run) ?? { asked: [] }));
  return heard({ ...here, agreement });
}

/** Adds to the newest asking that fits; a gate that never asked can neither be answered nor pass. */
function withMoment(here: Here & { proven?: number }, fits: (asked: Asked) => boolean, moment: Moment): Heard {
  const run = here.event.run ?? '';
  const all = here.agreement.get(run)?.asked ?? [];
  const at = all.findLastIndex(fits);
  if (at === -1) return heard({ ...here, proven: 0 }, 'gate.never-asked', 'No gate of this run asked about this.');
  const grown = all.map((each, index) => (index === at ? { ...each, moments: [...each.moments, moment] } : each));
  return withRun(here, run, (record) => ({ ...record, asked: grown }));
}

function heard({ agreement, event, line, proven = 0 }: Here & { proven?: number }, code?: string, message = ''): Heard {
  return { agreement, proven, wrong: code === undefined ? [] : [{ line, seq: event.seq, code, message }] };
}

/** What `gate.asked` must say; a file from elsewhere may hold anything in its place. */
const askedShape = z.looseObject({
  id: z.string(),
  about: z.looseObject({ run: z.string(), launch: z.string(), gate: z.string(), round: z.int() }),
  allows: z.string(),
  request: z.looseObject({ by: z.string(), step: z.string().optional(), byMs: z.int().optional() }).optional(),
  spec: z.looseObject({ need: z.int().min(0), personalKeys: z.int().min(0), from: z.array(z.string()) }),
  excluded: z.array(z.string()),
  deadline: z.iso.datetime({ precision: 3 }),
  containing: z.boolean(),
  plans: z.array(z.looseObject({ risk: z.enum(risks) })),
});

const movedShape = z.looseObject({ id: z.string(), deadline: z.iso.datetime({ precision: 3 }).optional() });

function askOf(event: Event): { ask: Ask; risk: Risk } | undefined {
  const read = askedShape.safeParse(event.data);
  if (!read.success) return undefined;
  const { id, about, allows, request, spec, excluded, deadline, containing, plans } =
    event.data as unknown as GateAsked;
  const asks = request === undefined ? {} : { request };
  const ask = { id, about, allows, ...asks, spec, excluded, deadline, containing, openedAt: event.occurredAt };
  return { ask, risk: worst(plans.map((plan) => plan.risk)) };
}
