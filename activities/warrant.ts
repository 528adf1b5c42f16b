/**
 * Executors believe nobody: before anything is settled they judge for themselves, with their own copy of people, gates and
 * runbooks, whether the statements that came along lead to this plan. Reaching Temporal is not enough to make anything happen.
 */
import { canonical, same } from '../core/canonical.js';
import { derived } from '../core/derived.js';
import type { GateAsked } from '../core/event-data.js';
import { formatDuration } from '../core/duration.js';
import { FirebreakError } from '../core/errors.js';
import {
  atLeast,
  type Ask,
  type Counted,
  type GateSpec,
  judge,
  judgeLauncher,
  judgeResponder,
  stillGood,
  verdict,
} from '../core/gate.js';
import type { Bundle } from '../core/installation.js';
import type { Digest } from '../core/json.js';
import { leastGateOf, type Risk } from '../core/risk.js';
import { type BoundEffect, boundOf } from '../core/bound.js';
import type { PlannedChange } from '../core/plan.js';
import { isByPerson, isFor, type Runbook, type Step } from '../core/runbook.js';
import type { GateAbout, LaunchAbout, Statement } from '../core/statement.js';
import type { Verb } from '../core/verbs.js';
import { digestOf, planDigest } from '../journal/digest.js';
import { findFacts, statementDigest } from '../journal/proof.js';
import type { Store } from '../journal/store.js';
import type { RunRef, Warrant } from './contract.js';
import { type Derivation, derivedItems } from './derived-items.js';
import { knownRunbook } from './known-runbooks.js';
import { refuse } from './refuse.js';

export interface Grant {
  runbook: Runbook;
  step: Step;
  /** Whether people agreed to it: to this very effect, or to what is found, up to a number. */
  covers: (change: PlannedChange) => boolean;
}

export interface Question {
  store: Store;
  bundle: Bundle;
  /** The system that the executor serves. */
  system: string;
  run: RunRef;
  step: string;
  warrant: Warrant;
  /** `now`: approvals must still be valid. `passing`: for what was begun in time and is kept up, as of when it was said. */
  asOf: 'now' | 'passing';
}

/** What a step of this run may do, or a refusal that says why. `riskOf` is the registry's, not the plan's. */
export async function judgeWarrant(question: Question, riskOf: (step: Step) => Risk): Promise<Grant> {
  const { about, runbook, byService } = await judgeLaunch(question, ['launch', 'plan']);
  if (runbook === undefined)
    throw refuse('warrant.runbook-unknown', `The runbook ${about.runbook} is not one of ours.`);
  const { environment } = question.bundle.installation;
  if (!isFor(runbook, environment))
    throw refuse('warrant.not-for-environment', `${runbook.name} may not be carried out in "${environment}".`);
  const step = runbook.steps.find(({ id }) => id === question.step);
  if (step === undefined)
    throw refuse('warrant.step-unknown', `Runbook ${runbook.name} has no step "${question.step}".`);
  if (isByPerson(step.work))
    throw refuse('warrant.by-person', `Step "${step.id}" is for people to do, not for a unit.`);
  // A plan may look, and nothing else.
  const { verb } = question.warrant.launch;
  if (verb === 'plan' && step.work.kind !== 'check') throw otherVerb(verb);
  // Where parts are open, an effect names no target and so no system: only here is it said for which one people agreed.
  refuseOtherSystem(question.system, step.work.system);
  if (question.asOf === 'now') await refuseEnded(question);
  if (step.work.kind === 'collect' || step.work.kind === 'check') return { runbook, step, covers: () => false };
  const spec = runbook.gates[step.gate ?? ''];
  if (step.gate === undefined || spec === undefined)
    throw refuse('warrant.no-gate', `Step "${step.id}" changes things and has no gate.`);
  const least = leastGateOf(riskOf(step), byService);
  const bound = await judgeGate(question, step.gate, atLeast(spec, least), step.phase === 'contain');
  const found = await foundWithin(bound, boundOf(step, riskOf(step)), {
    store: question.store,
    run: question.run.run,
    runbook,
    step,
    warrant: question.warrant,
  });
  return {
    runbook,
    step,
    // A number says how many and what is done to each; what somebody tells was there before is agreed to word by word.
    covers: ({ effect, item, adopted }) => bound.has(effect) || (adopted !== true && found.has(canonical(item))),
  };
}

/** Items that people agreed to before they were found. Of more than they agreed to none is covered: nobody said which. */
async function foundWithin(
  bound: ReadonlySet<Digest>,
  effect: BoundEffect | undefined,
  derivation: Derivation,
): Promise<ReadonlySet<string>> {
  if (effect === undefined || !bound.has(digestOf(effect))) return new Set();
  const items = (await derivedItems(derivation)) ?? new Set<string>();
  return items.size <= effect.atMost ? items : new Set();
}

export interface Launched {
  about: LaunchAbout;
  /** Undefined when it is none of ours. */
  runbook: Runbook | undefined;
  byService: boolean;
}

/** Whether a launch was really said about this very run by a responder, or by a service whose runbook it is. */
export async function judgeLaunch(
  { store, bundle, run, warrant }: Pick<Question, 'store' | 'bundle' | 'run' | 'warrant'>,
  allowed: Verb[],
): Promise<Launched> {
  const { launch } = warrant;
  const facts = findFacts(launch, bundle.people);
  const runbook = launch.about.kind === 'launch' ? await knownRunbook(store, bundle, launch.about.runbook) : undefined;
  const ruling = judgeLauncher(launch, facts, runbook?.name, atOf(launch));
  if (!ruling.counts) throw refuse(ruling.code, `The launch of ${run.run} does not count: ${ruling.reason}`);
  if (!allowed.includes(launch.verb)) throw otherVerb(launch.verb);
  const { about } = launch;
  if (
    about.kind !== 'launch' ||
    about.run !== run.run ||
    about.incident !== run.incident ||
    digestOf(about) !== run.launch ||
    launch.by !== run.requester
  ) {
    throw refuse('warrant.other-run', `The launch that came along is not that of ${run.run}.`);
  }
  // One person's key may be good in several installations; what was said in one must not be replayed in another.
  const { environment } = bundle.installation;
  if (about.environment !== environment)
    throw refuse(
      'warrant.other-environment',
      `This was launched for "${about.environment}"; here is "${environment}".`,
    );
  return { about, runbook, byService: facts.principal?.service !== undefined };
}

function otherVerb(verb: Verb): FirebreakError {
  return refuse('warrant.verb', `"${verb}" does not let anything be carried out here.`);
}

export function refuseOtherSystem(system: string, of: string): void {
  if (of !== system)
    throw refuse('warrant.other-system', `This was agreed to for system "${of}", not for "${system}".`);
}

/** What people cancelled, and what is over, is not begun again with statements that are still valid. */
export async function refuseEnded({ store, run }: Pick<Question, 'store' | 'run'>): Promise<void> {
  const [ended] = await store.events({ run: run.run, actions: ['run.done', 'run.failed', 'run.cancelled'] });
  if (ended !== undefined) throw refuse('warrant.run-ended', `${run.run} has ended (${ended.action}).`);
}

/** The bound that a gate's statements give; empty when nothing was asked. */
export async function judgeGate(
  question: Question,
  gate: string,
  spec: GateSpec,
  containing: boolean,
): Promise<ReadonlySet<Digest>> {
  const { store, bundle, run, warrant, asOf } = question;
  const said = warrant.gate;
  if (said === undefined) return new Set();
  if (said.gate !== gate)
    throw refuse('warrant.other-gate', `This step is decided at gate "${gate}", not at "${said.gate}".`);
  const about = { kind: 'gate' as const, run: run.run, launch: run.launch, gate, round: said.round, plan: said.plan };
  const asked = await askOnRecord(question, about, spec);
  const ask: Ask = { ...asked, about, allows: 'carry out', spec, excluded: [run.requester], containing };
  // In the order in which it was said, and each as of then: what has lapsed since is on record, and must come along, too.
  const inOrder = said.statements.toSorted((a, b) => atOf(a) - atOf(b));
  const counted = inOrder.reduce<Counted[]>((before, statement) => {
    const saidMs = Math.min(atOf(statement), Date.now());
    const ruling = judge(ask, before, statement, findFacts(statement, bundle.people), saidMs);
    if (!ruling.counts)
      throw refuse(ruling.code, `A statement of ${statement.by} at gate "${gate}" does not count: ${ruling.reason}`);
    return [...before, ruling.counted];
  }, []);
  await refuseLeftOut(question, about, said.statements);
  const asOfMs = asOf === 'now' ? Date.now() : Math.max(...inOrder.map(atOf));
  const good = stillGood(counted, asOfMs);
  if (verdict(ask, good, asOfMs) !== 'passed') {
    if (verdict(ask, counted, asOfMs) === 'passed') throw lapsed(gate, spec, counted, good);
    throw refuse(
      'warrant.not-approved',
      `Gate "${gate}" needs ${spec.need} of ${spec.from.join(', ')} other than ${run.requester}; ${good.length} agreed.`,
    );
  }
  return effectsOf(store, said.plan);
}

/**
 * The asking as the journal has it. Until when it asked follows from our own runbook, from when the journal heard of it and
 * from what responders said, each proven here: a time that the caller tells would let late approvals count.
 */
async function askOnRecord(
  { store, bundle, run }: Question,
  about: GateAbout,
  spec: GateSpec,
): Promise<Pick<Ask, 'id' | 'openedAt' | 'deadline'>> {
  const events = await store.events({ run: run.run, actions: ['gate.asked', 'gate.extended'] });
  const asked = events.find((event) => event.action === 'gate.asked' && same(event.data?.['about'], about));
  if (asked === undefined)
    throw refuse('warrant.never-asked', `Gate "${about.gate}" of ${run.run} never asked about this plan.`);
  const { id, allows } = asked.data as unknown as GateAsked;
  if (allows !== 'carry out')
    throw refuse(
      'warrant.other-question',
      `Gate "${about.gate}" asked whether to ${allows}, not to carry anything out.`,
    );
  const extensions = events.flatMap(({ action, data, statement }) =>
    action === 'gate.extended' && data?.['id'] === id && statement !== undefined ? [statement] : [],
  );
  const once = new Map(extensions.map((statement) => [statementDigest(statement), statement]));
  const byMs = [...once.values()].reduce((sum, statement) => sum + extensionOf(statement, bundle, about), 0);
  const deadline = new Date(Date.parse(asked.recordedAt) + spec.withinMs + byMs).toISOString();
  return { id, openedAt: asked.recordedAt, deadline };
}

/** By how many milliseconds a statement moves the deadline; 0 for one that does not count. */
function extensionOf(statement: Statement, { people }: Bundle, { run, launch }: GateAbout): number {
  const { about, verb } = statement;
  const ours = verb === 'extend' && about.kind === 'run' && about.run === run && about.launch === launch;
  return ours && judgeResponder(statement, findFacts(statement, people), atOf(statement)).counts
    ? (about.byMs ?? 0)
    : 0;
}

/** Whoever brings a warrant must not leave out who said no, or who took back a yes: what counted there belongs to it. */
async function refuseLeftOut({ store, run }: Question, about: GateAbout, brought: Statement[]): Promise<void> {
  const known = new Set(brought.map((statement) => statementDigest(statement)));
  const counted = await store.events({ run: run.run, actions: ['statement.counted'] });
  const leftOut = counted.find(
    ({ statement }) =>
      statement !== undefined && same(statement.about, about) && !known.has(statementDigest(statement)),
  );
  if (leftOut === undefined) return;
  throw refuse(
    'warrant.statement-left-out',
    `What ${leftOut.actor} said at gate "${about.gate}" counted there, and is missing from what came along.`,
  );
}

async function effectsOf(store: Store, plan: Digest): Promise<ReadonlySet<Digest>> {
  const effects = (await store.document('effects', plan)) as Digest[] | undefined;
  if (effects === undefined || listed(effects).digest !== plan)
    throw refuse('warrant.effects-unknown', `What was approved as ${plan} is not on record.`);
  return listed(effects).effects;
}

const listed = derived((effects: Digest[]) => ({ effects: new Set(effects), digest: planDigest(effects) }));

/** Time passed between agreeing and carrying out: nothing is wrong with the run, people only have to be asked once more. */
function lapsed(gate: string, { approvalValidMs }: GateSpec, counted: Counted[], good: Counted[]): FirebreakError {
  const old = counted.filter((each) => !good.includes(each));
  const whose = old.map(({ by, goodUntil }) => `what ${by} said was good until ${goodUntil}`).join(', ');
  return new FirebreakError(
    'warrant.lapsed',
    `An approval at gate "${gate}" is good for ${formatDuration(approvalValidMs)}: ${whose}, and this came to its turn only after that.`,
    { nextStep: '`retry` plans it anew and asks again; have people ready who can agree.' },
  );
}

function atOf(statement: Statement): number {
  return Date.parse(statement.at);
}
