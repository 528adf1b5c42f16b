/**
 * What people ask of a run as it goes, and what others may have to agree to first: that it is cancelled, that it pauses, that a
 * step is left out. None of it lifts anything that is in force.
 */
import { condition } from '@temporalio/workflow';
import { approvalValidMsDefault, type GateSpec, type Request } from '../core/gate.js';
import type { RunAbout, Statement } from '../core/statement.js';
import { isByPerson } from '../core/runbook.js';
import { whoMay, type Verb } from '../core/verbs.js';
import { awaitAsk, moved, openAsk } from './asking.js';
import type { Answer, AskRecord, RunMemory } from './memory.js';
import { eventOf, record } from './record.js';
import type { RunContext } from './run-context.js';

/** Longer than it takes to look at something, shorter than it takes to forget it. */
const pauseAloneMaxMs = 15 * 60_000;
const pauseMaxMs = 7 * 24 * 60 * 60_000;
/** For how long a request asks where no gate of the runbook says it. */
const withinMsDefault = 15 * 60_000;

export async function hearRequest(context: RunContext, statement: Statement): Promise<Answer> {
  const { about } = statement;
  if (about.kind !== 'run') return { code: 'about.other-run', reason: 'This was not said about a run.' };
  switch (statement.verb) {
    case 'cancel':
      return cancel(context, statement);
    case 'pause':
      return pause(context, statement, about);
    case 'resume':
      return resume(context);
    default:
      return skip(context, statement, about);
  }
}

/** What asked when the run continued as new goes on asking, and a pause goes on. */
export function takeUpRequests(context: RunContext): void {
  const { memory } = context;
  for (const asked of memory.asks)
    if (asked.ask.allows !== 'carry out' && asked.state === 'asking') void heed(context, asked);
  if (memory.pausedUntil !== undefined) void endPauseInTime(memory);
}

/** Before the first write a responder cancels alone; afterwards one other person must agree. */
async function cancel(context: RunContext, statement: Statement): Promise<Answer> {
  const { memory } = context;
  if (isAsked(memory, 'cancel')) return already('cancel', 'A cancel');
  const passed = memory.asks.find(({ state, ask }) => state === 'passed' && ask.allows === 'carry out');
  if (!memory.wrote || passed === undefined) {
    memory.cancelled = true;
    return { outcome: 'cancelled; nothing had been changed' };
  }
  return askFor(context, statement, { by: statement.by }, { gate: passed.ask.about.gate, spec: passed.ask.spec });
}

/** A step that has not ended is left out, whatever it waits for; a batch under way ends after the change that it is in. */
async function skip(context: RunContext, statement: Statement, { step: id }: RunAbout): Promise<Answer> {
  const { memory, input } = context;
  const step = input.runbook.steps.find((each) => each.id === id);
  if (step === undefined) return { code: 'step.unknown', reason: 'This run has no such step.' };
  if ((statement.reason ?? '').trim() === '')
    return { code: 'skip.no-reason', reason: 'To leave a step out needs a reason.' };
  if (memory.results[step.id] !== undefined) return { code: 'skip.ended', reason: `Step "${step.id}" has ended.` };
  if (memory.undoing?.[step.id] === true)
    return { code: 'skip.undoing', reason: `Step "${step.id}" failed and is being taken back, which goes to its end.` };
  if (step.work.kind === 'exchange')
    return { code: 'skip.exchange', reason: 'A release or an undo is all that this run does; cancel it.' };
  if (isAsked(memory, 'skip', step.id)) return already('skip', `That "${step.id}" is left out`);
  const own = step.gate === undefined ? undefined : input.runbook.gates[step.gate];
  const from = isByPerson(step.work) ? step.work.who : memory.responders;
  const where = { gate: step.gate ?? `skip-${step.id}`, spec: own ?? specOf(from) };
  return askFor(context, statement, { by: statement.by, step: step.id }, where);
}

async function pause(context: RunContext, statement: Statement, { byMs = 0 }: RunAbout): Promise<Answer> {
  const { memory } = context;
  if (!(byMs > 0 && byMs <= pauseMaxMs))
    return { code: 'pause.out-of-range', reason: 'A run pauses for up to 7d at once.' };
  const isPaused = memory.pausedUntil !== undefined;
  if (memory.pausedUntil !== undefined && byMs <= pauseAloneMaxMs)
    return { code: 'pause.paused', reason: `It is paused until ${new Date(memory.pausedUntil).toISOString()}.` };
  // In all: pausing again and again would be a longer pause that nobody agreed to.
  if (!isPaused && byMs <= pauseAloneMaxMs - (memory.pausedAloneMs ?? 0)) {
    memory.pausedAloneSince = Date.now();
    return { outcome: await beginPause(memory, statement.by, byMs) };
  }
  if (isAsked(memory, 'pause')) return already('pause', 'A pause');
  const latest = memory.asks.findLast((each) => each.ask.allows === 'carry out')?.ask;
  const where =
    latest === undefined
      ? { gate: 'pause', spec: specOf(memory.responders) }
      : { gate: latest.about.gate, spec: latest.spec };
  return askFor(context, statement, { by: statement.by, byMs }, where);
}

async function resume({ memory }: RunContext): Promise<Answer> {
  if (memory.pausedUntil === undefined) return { code: 'resume.not-paused', reason: 'This run is not paused.' };
  endPause(memory);
  return { outcome: 'goes on' };
}

/** What of it nobody had agreed to counts against the time for which a run may be paused so. */
function endPause(memory: RunMemory): void {
  if (memory.pausedAloneSince !== undefined)
    memory.pausedAloneMs = (memory.pausedAloneMs ?? 0) + Date.now() - memory.pausedAloneSince;
  delete memory.pausedAloneSince;
  delete memory.pausedUntil;
}

/** Nothing new begins until it is over: by somebody's word, or by the clock. */
export async function untilUnpaused(memory: RunMemory): Promise<void> {
  await condition(() => memory.pausedUntil === undefined);
}

async function beginPause(memory: RunMemory, by: string, byMs: number): Promise<string> {
  memory.pausedUntil = Date.now() + byMs;
  const until = new Date(memory.pausedUntil).toISOString();
  void endPauseInTime(memory);
  await record(memory, eventOf(memory, 'run.paused', { data: { by, until, says: `until ${until}, asked by ${by}` } }));
  return `paused until ${until}; what is under way ends, and nothing new begins`;
}

async function endPauseInTime(memory: RunMemory): Promise<void> {
  const until = memory.pausedUntil ?? 0;
  await condition(() => memory.pausedUntil !== until, Math.max(until - Date.now(), 1));
  if (memory.pausedUntil === until) endPause(memory);
  // A longer one that was agreed to took its place.
  if (memory.pausedUntil !== undefined) return;
  await record(memory, eventOf(memory, 'run.unpaused'));
}

interface Where {
  gate: string;
  spec: GateSpec;
}

async function askFor(
  context: RunContext,
  { verb, reason }: Statement,
  request: Request,
  where: Where,
): Promise<Answer> {
  const rule = whoMay[verb];
  if (rule.who !== 'asks') throw new Error(`${verb} does not ask`);
  const { need } = rule;
  const asked = await openAsk(context.memory, context.desk, {
    gate: where.gate,
    spec: { ...where.spec, need, personalKeys: 0 },
    allows: verb,
    request,
    plans: [],
    containing: false,
    excluded: [request.by],
    ...(reason === undefined ? {} : { reason }),
  });
  void heed(context, asked);
  return { outcome: `asks at gate "${where.gate}": ${need} other than you must agree` };
}

/** What follows once people have agreed; by then it may have come too late, which harms nothing. */
async function heed(context: RunContext, asked: AskRecord): Promise<void> {
  const { memory } = context;
  if ((await awaitAsk(memory, asked)) !== 'passed') return;
  const { allows, request } = asked.ask;
  const agreed = asked.counted.filter(({ verb }) => verb === 'approve').map(({ by }) => by);
  if (allows === 'cancel') memory.cancelled = true;
  else if (allows === 'pause' && (memory.pausedUntil ?? 0) < Date.now() + (request?.byMs ?? 0)) {
    endPause(memory);
    await beginPause(memory, request?.by ?? '', request?.byMs ?? 0);
  } else if (allows === 'skip' && request?.step !== undefined && mayBeSkipped(memory, request.step)) {
    const why = `asked by ${request.by}, agreed to by ${agreed.join(', ')}`;
    memory.skips[request.step] = { why, ask: asked.ask.id };
    await closeIdleAsks(context);
  }
}

function mayBeSkipped({ results, undoing = {} }: RunMemory, step: string): boolean {
  return results[step] === undefined && undoing[step] === undefined;
}

/** A gate does not go on asking for steps that are all left out, or have ended. One that is being planned for is looked at after that. */
export async function closeIdleAsks({ memory, input, planning }: RunContext): Promise<void> {
  const isOver = (step: string): boolean => memory.results[step] !== undefined || memory.skips[step] !== undefined;
  const waitsFor = (asked: AskRecord): boolean =>
    input.runbook.steps.some(({ id }) => !isOver(id) && memory.planned[id]?.ask === asked.ask.id);
  const closed = memory.asks.filter(
    (each) =>
      each.state === 'asking' &&
      each.ask.allows === 'carry out' &&
      !planning.has(each.ask.about.gate) &&
      !waitsFor(each),
  );
  for (const each of closed) each.state = 'closed';
  await record(memory, ...closed.map((each) => eventOf(memory, 'gate.closed', { data: moved(each) })));
}

function specOf(from: string[]): GateSpec {
  return { need: 1, from, withinMs: withinMsDefault, personalKeys: 0, approvalValidMs: approvalValidMsDefault };
}

function isAsked(memory: RunMemory, verb: Verb, step?: string): boolean {
  return memory.asks.some(
    ({ ask: { allows, request }, state }) => allows === verb && state === 'asking' && request?.step === step,
  );
}

function already(verb: Verb, what: string): Answer {
  return { code: `${verb}.asked`, reason: `${what} is asked for already; somebody else must agree to it.` };
}
