/**
 * The one door for statements. One handler for the life of a run; the rules are in `core/gate.ts`, pure and clocked from
 * outside; this file only wires them. A refusal is thrown and on the record: a rejected Update would leave no trace.
 */
import { ApplicationFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow';
import { same } from '../core/canonical.js';
import type { OwnerChanged } from '../core/event-data.js';
import { judge, judgeHandOver, judgeResponder, standingIn } from '../core/gate.js';
import { type Facts, type Statement, statementCharsMax } from '../core/statement.js';
import { judgeTask } from '../core/task.js';
import { type Verb, verbs } from '../core/verbs.js';
import { dropLapsed, moved, settleAsk, wordsOf } from './asking.js';
import type { Answer, AskRecord, RunMemory } from './memory.js';
import { tellContainment } from './owner.js';
import { control } from './proxies.js';
import { calling, eventOf, record } from './record.js';

/** Says something to a run that only people may say; the caller learns at once whether it counted. */
export const stateUpdate = defineUpdate<{ outcome: string }, [Statement]>('state');

/** What one person may be refused on a run; counted only for what they are proven to have said about it. */
const refusalsOfOneMax = 50;
/** A deadline can be moved by this much at once. */
const extendMaxMs = 24 * 60 * 60_000;

/** What handlers and steps share beside the memory; nothing here needs to outlive a continue-as-new. */
export interface Desk {
  /** Set once the launch was judged. */
  memory: RunMemory | undefined;
  opening: number;
  /** Steps that wait for a person, by id, with what a `retry` does to them. */
  waiting: Map<string, () => void>;
  /** Answers being found, by verb, person and nonce: two clicks get one answer. */
  answering: Map<string, Promise<Answer>>;
  /** For what changes how the run goes: cancel, pause, resume, skip. */
  onRequest: (statement: Statement) => Promise<Answer>;
  /** The end is being put on record: nothing counts any more. */
  ended: boolean;
}

/** Opens the door. Called before anything else in a run, so that nobody finds it shut. */
export function acceptStatements(desk: Desk): void {
  setHandler(
    stateUpdate,
    async (statement) => {
      await condition(() => desk.memory !== undefined);
      const answer = await hearOut(desk.memory as RunMemory, desk, statement);
      if ('code' in answer) throw ApplicationFailure.nonRetryable(answer.reason, answer.code);
      return answer;
    },
    { validator: refuseMalformed },
  );
}

/** Shape only, and synchronous: whoever is refused here leaves no trace, so nothing that matters is judged here. */
export function refuseMalformed(statement: Statement): void {
  const good =
    typeof statement === 'object' &&
    statement !== null &&
    statement.version === 1 &&
    verbs.includes(statement.verb) &&
    typeof statement.by === 'string' &&
    typeof statement.nonce === 'string' &&
    typeof statement.at === 'string' &&
    typeof statement.about === 'object' &&
    statement.about !== null &&
    JSON.stringify(statement).length <= statementCharsMax;
  if (!good) throw ApplicationFailure.nonRetryable('This is not a statement.', 'statement.malformed');
}

async function hearOut(memory: RunMemory, desk: Desk, statement: Statement): Promise<Answer> {
  const name = wordsOf(statement);
  const facts = await control.hear({ run: memory.run, statement });
  // A gate that is just being opened is on the record before the run knows it; a fast click waits for it.
  await condition(() => desk.opening === 0);
  // Rubbish in somebody's name, or what they said elsewhere, takes neither their answers nor their patience from them.
  if (!facts.proof.good || statement.about.run !== memory.run.run) return rule(memory, desk, statement, facts);
  if ((memory.refusals[statement.by] ?? 0) >= refusalsOfOneMax)
    return {
      code: 'statement.too-many',
      reason: 'Too many refused statements of yours on this run; use another door: start a new run.',
    };
  const answered = memory.answers[name];
  if (answered !== undefined) return answered;
  const answering = desk.answering.get(name) ?? findAnswer(memory, desk, statement, facts, name);
  desk.answering.set(name, answering);
  return answering;
}

async function findAnswer(
  memory: RunMemory,
  desk: Desk,
  statement: Statement,
  facts: Facts,
  name: string,
): Promise<Answer> {
  try {
    const found = await rule(memory, desk, statement, facts);
    // What was refused may count when it is said again: a card's nonce stays, while people.yaml or the gate moves on.
    if ('outcome' in found) memory.answers[name] = found;
    else memory.refusals[statement.by] = (memory.refusals[statement.by] ?? 0) + 1;
    return found;
  } finally {
    desk.answering.delete(name);
  }
}

async function rule(memory: RunMemory, desk: Desk, statement: Statement, facts: Facts): Promise<Answer> {
  if (desk.ended) return refuse(memory, statement, facts, 'run.ended', 'This run has just ended.');
  switch (statement.verb) {
    case 'approve':
    case 'deny':
    case 'withdraw':
      return decide(memory, statement, facts);
    case 'confirm':
    case 'choose':
      return answerTask(memory, statement, facts);
    case 'retry':
    case 'pause':
    case 'resume':
    case 'skip':
    case 'cancel':
    case 'extend':
    case 'hand-over':
    case 'note':
      return speak(memory, desk, statement, facts);
    default:
      return refuse(memory, statement, facts, 'verb.not-for-a-run', `"${statement.verb}" starts a run of its own.`);
  }
}

async function decide(memory: RunMemory, statement: Statement, facts: Facts): Promise<Answer> {
  const asked = askOf(memory, statement);
  if (asked === undefined)
    return refuse(
      memory,
      statement,
      facts,
      'gate.not-asking',
      'No gate of this run asks about that; look at the current card.',
    );
  if (asked.state !== 'asking') return refuse(memory, statement, facts, `gate.${asked.state}`, afterwards(asked));
  if (memory.cancelled) return refuse(memory, statement, facts, 'run.cancelled', 'This run was cancelled.');
  const lapsed = dropLapsed(memory, asked);
  const ruling = judge(asked.ask, asked.counted, statement, facts, Date.now());
  if (!ruling.counts) {
    await record(memory, ...lapsed);
    return refuse(memory, statement, facts, ruling.code, ruling.reason);
  }
  // Counted before the next await: two clicks in one millisecond must see each other.
  asked.counted.push(ruling.counted);
  asked.statements.push(statement);
  const data = { ...moved(asked), verb: statement.verb, statement: facts.digest };
  const events = [
    ...lapsed,
    eventOf(memory, 'statement.counted', { actor: statement.by, statement, data }),
    ...settleAsk(memory, asked),
  ];
  await record(memory, ...events);
  return { outcome: outcomeOf(asked, statement) };
}

function askOf(memory: RunMemory, { about }: Statement): AskRecord | undefined {
  if (about.kind !== 'gate') return undefined;
  return memory.asks.find(({ ask }) => ask.about.gate === about.gate && ask.about.round === about.round);
}

function afterwards({ ask, state }: AskRecord): string {
  if (state === 'expired')
    return `Gate "${ask.about.gate}" ran out of time at ${ask.deadline}; nothing was done. A retry asks again.`;
  if (state === 'closed') return `Gate "${ask.about.gate}" asks no longer: its steps were skipped.`;
  return `Gate "${ask.about.gate}" has already ${state === 'passed' ? 'passed' : 'been denied'}.`;
}

function outcomeOf({ ask, counted, state }: AskRecord, { verb }: Statement): string {
  if (state === 'passed') return `counted; gate "${ask.about.gate}" has passed`;
  if (state === 'denied') return `counted; gate "${ask.about.gate}" is denied and nothing will be done`;
  if (verb === 'withdraw') return 'withdrawn';
  const given = standingIn(counted).filter((each) => each.verb === 'approve').length;
  return `counted; ${given} of ${ask.spec.need} have agreed`;
}

/** What people say at a step that they do or decide; the first word that counts answers it. */
async function answerTask(memory: RunMemory, statement: Statement, facts: Facts): Promise<Answer> {
  const { about, by } = statement;
  if (!isAboutThisRun(memory, statement) || about.kind !== 'run')
    return refuse(memory, statement, facts, 'about.other-run', 'This was said about another run.');
  // The step is whatever somebody wrote: a name that every object has must find nothing.
  const asked =
    about.step !== undefined && Object.hasOwn(memory.tasks, about.step) ? memory.tasks[about.step] : undefined;
  if (about.step === undefined || asked === undefined) {
    const why = 'No step of this run waits for that; look at where it stands.';
    return refuse(memory, statement, facts, 'task.not-asking', why);
  }
  if (asked.answeredBy !== undefined)
    return refuse(memory, statement, facts, 'task.answered', `${asked.answeredBy} has already answered this.`);
  if (memory.cancelled) return refuse(memory, statement, facts, 'run.cancelled', 'This run was cancelled.');
  const ruling = judgeTask(asked.task, statement, facts, Date.now());
  if (!ruling.counts) return refuse(memory, statement, facts, ruling.code, ruling.reason);
  const { step, choice } = about;
  // Before the next await: of two people who answer in one millisecond, one is the first.
  asked.answeredBy = by;
  const data = { verb: statement.verb, step, statement: facts.digest };
  await record(memory, eventOf(memory, 'statement.counted', { actor: by, step, statement, data }));
  // Only now the step goes on: how it ended rests on that word.
  asked.answer = { by, ...(choice === undefined ? {} : { choice }) };
  return { outcome: choice === undefined ? `confirmed; "${step}" is done` : `chosen: "${choice}"` };
}

function isAboutThisRun({ run: { run, launch } }: RunMemory, { about }: Statement): boolean {
  return about.kind === 'run' && same({ run: about.run, launch: about.launch }, { run, launch });
}

/** What a responder may say alone. */
async function speak(memory: RunMemory, desk: Desk, statement: Statement, facts: Facts): Promise<Answer> {
  const ruling = judgeResponder(statement, facts, Date.now());
  if (!ruling.counts) return refuse(memory, statement, facts, ruling.code, ruling.reason);
  if (!isAboutThisRun(memory, statement))
    return refuse(memory, statement, facts, 'about.other-run', 'This was said about another run.');
  const answer =
    statement.verb === 'hand-over' ? await handOver(memory, statement, facts) : await act(memory, desk, statement);
  if ('code' in answer) return refuse(memory, statement, facts, answer.code, answer.reason);
  await record(
    memory,
    eventOf(memory, 'statement.counted', {
      actor: statement.by,
      statement,
      data: { verb: statement.verb, statement: facts.digest },
    }),
  );
  return answer;
}

/** Said of a whole run, so that nobody signs it as if it were about one step. */
const wholeRun: Verb[] = ['cancel', 'extend', 'hand-over', 'pause', 'resume'];

async function act(memory: RunMemory, desk: Desk, statement: Statement): Promise<Answer> {
  const { about, verb } = statement;
  if (about.kind === 'run' && about.step !== undefined && wholeRun.includes(verb))
    return { code: 'about.whole-run', reason: `"${verb}" is about a whole run; it cannot be said of one step.` };
  switch (statement.verb) {
    case 'note':
      await record(memory, eventOf(memory, 'note', { actor: statement.by, statement }));
      return { outcome: 'noted' };
    case 'extend':
      return extend(memory, statement);
    case 'retry':
      return retry(desk, statement);
    default:
      return desk.onRequest(statement);
  }
}

async function handOver(memory: RunMemory, statement: Statement, facts: Facts): Promise<Answer> {
  const ruling = judgeHandOver(statement, facts, Date.now());
  if (!ruling.counts) return ruling;
  const { to } = ruling;
  const { owner: before } = memory;
  const data: OwnerChanged = { owner: to, says: `handed over from ${before} to ${to}` };
  memory.owner = to;
  // Whoever it is taken from is told: nobody's pages go elsewhere behind their back.
  const paged = { owner: before, says: `${statement.by} handed ${memory.run.run} over to ${to}` };
  await record(
    memory,
    eventOf(memory, 'owner.changed', { actor: statement.by, statement, data }),
    eventOf(memory, 'owner.paged', { data: paged }),
  );
  if (memory.watched.length > 0) await calling(memory, tellContainment(memory.run.run, to));
  return { outcome: `${to} is the owner now` };
}

async function extend(memory: RunMemory, statement: Statement): Promise<Answer> {
  const { about, by } = statement;
  const byMs = about.kind === 'run' ? (about.byMs ?? 0) : 0;
  if (!(byMs > 0 && byMs <= extendMaxMs))
    return { code: 'extend.out-of-range', reason: 'A deadline can be moved by up to 24h at once.' };
  const asking = memory.asks.filter(({ state }) => state === 'asking');
  if (asking.length === 0) return { code: 'extend.nothing-asks', reason: 'No gate of this run asks at the moment.' };
  for (const asked of asking) asked.ask.deadline = new Date(Date.parse(asked.ask.deadline) + byMs).toISOString();
  // With the statement, for executors believe no deadline that nobody said.
  const events = asking.map((asked) => eventOf(memory, 'gate.extended', { actor: by, statement, data: moved(asked) }));
  await record(memory, ...events);
  return { outcome: `extended to ${asking.map(({ ask }) => ask.deadline).join(', ')}` };
}

function retry(desk: Desk, { about }: Statement): Answer {
  const only = about.kind === 'run' ? about.step : undefined;
  const steps = [...desk.waiting.keys()].filter((step) => only === undefined || step === only);
  if (steps.length === 0) return { code: 'retry.nothing-waits', reason: 'Nothing in this run waits for a person.' };
  for (const step of steps) desk.waiting.get(step)?.();
  return { outcome: `retrying ${steps.join(', ')}` };
}

async function refuse(
  memory: RunMemory,
  statement: Statement,
  facts: Facts,
  code: string,
  reason: string,
): Promise<Answer> {
  const about = statement.about.kind === 'gate' ? { gate: statement.about.gate, round: statement.about.round } : {};
  const actor = facts.principal?.id ?? 'unknown';
  await record(
    memory,
    eventOf(memory, 'statement.refused', {
      actor,
      data: { verb: statement.verb, ...about, code, reason, statement: facts.digest },
    }),
  );
  return { code, reason };
}
