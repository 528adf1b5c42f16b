/**
 * What stays in force after a run: looked at again and again, settled again when it differs, its owner paged when review is due.
 * It never lifts anything; it ends when nothing is held any more.
 */
import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunRef, Warrant, WatchResult } from '../activities/contract.js';
import type { EventDraft } from '../core/event.js';
import type { OwnerChanged } from '../core/event-data.js';
import { judgeHandOver, judgeResponder } from '../core/gate.js';
import type { JsonObject, PrincipalId } from '../core/json.js';
import type { PlanRef } from '../core/plan.js';
import { worstFirst } from '../core/risk.js';
import type { Statement } from '../core/statement.js';
import { wordsOf } from './asking.js';
import { ownerSignal } from './owner.js';
import { asPersonNeed } from './person.js';
import { control, executor } from './proxies.js';
import { nowIso } from './record.js';
import { refuseMalformed, stateUpdate } from './statements.js';

export interface Watched {
  step: string;
  plan: PlanRef;
  warrant: Warrant;
  reviewAfterMs?: number;
}

export interface ContainmentInput {
  version: 1;
  run: RunRef;
  /** Who is paged when it begins. */
  owner: PrincipalId;
  watch: { everyMs: number; settlesPerHour: number };
  watched: Watched[];
  memory?: Memory;
}

interface Memory {
  owner: PrincipalId;
  look: number;
  /** When the owner is paged next, in milliseconds. */
  reviewAt?: number;
  events: number;
  /** What counted lately, so that a second delivery gets the first one's answer; undefined before the first word. */
  answers?: { words: string; outcome: string }[];
}

export const watchMoreSignal = defineSignal<[Watched]>('watchMore');

/** One look at all steps may take this long. */
const lookTimeoutMs = 10 * 60_000;
const hourMs = 60 * 60_000;
const extendMaxMs = 7 * 24 * hourMs;
/** Redeliveries come within minutes; a containment stands for weeks, and its memory is handed over again and again. */
const answersMax = 100;
/** Retries of a look inside its activity; the next look comes anyway. */
const retry = { attempts: 3, firstWaitMs: 1000 };

export async function containment(input: ContainmentInput): Promise<void> {
  const { run, watch, watched } = input;
  const memory: Memory = input.memory ?? { owner: input.owner, look: 0, events: 0, ...firstReview(watched) };
  const say = (action: EventDraft['action'], data: object, statement?: Statement): EventDraft => {
    memory.events += 1;
    // A run can begin to contain again after nothing was held any more; continuing as new keeps the first id.
    const id = `${run.run}/containment/${workflowInfo().firstExecutionRunId}/${memory.events}`;
    const actor = statement?.by ?? 'engine';
    return {
      chain: run.incident,
      id,
      run: run.run,
      occurredAt: nowIso(),
      actor,
      action,
      data: data as JsonObject,
      ...(statement === undefined ? {} : { statement }),
    };
  };
  setHandler(watchMoreSignal, (more) => {
    watched.push(more);
    if (more.reviewAfterMs !== undefined)
      memory.reviewAt = Math.min(memory.reviewAt ?? Infinity, Date.now() + more.reviewAfterMs);
  });
  setHandler(ownerSignal, (owner) => {
    memory.owner = owner;
  });
  setHandler(stateUpdate, (statement) => hearOut(run, memory, say, statement), { validator: refuseMalformed });
  if (input.memory === undefined)
    await control.append([
      say('containment.started', {
        steps: watched.map(({ step }) => step),
        everyMs: watch.everyMs,
        owner: memory.owner,
      }),
    ]);
  for (;;) {
    const wait = Math.min(watch.everyMs, Math.max((memory.reviewAt ?? Infinity) - Date.now(), 1));
    const extended = memory.reviewAt;
    await condition(() => memory.reviewAt !== extended, wait);
    if (memory.reviewAt !== undefined && Date.now() >= memory.reviewAt) await pageForReview(memory, watched, say);
    const result = await look(run, memory, watch.settlesPerHour, watched, say);
    // While the run goes on, a step may come to hold something at any time, however long AWS or a gate keeps it waiting.
    if (result.open === 0 && result.ended) break;
    if (workflowInfo().continueAsNewSuggested && allHandlersFinished())
      await continueAsNew<typeof containment>({ ...input, watched, memory });
  }
  await condition(allHandlersFinished);
  await control.append([say('containment.ended', { says: 'nothing is held any more' })]);
}

function firstReview(watched: Watched[]): { reviewAt?: number } {
  const after = watched.flatMap(({ reviewAfterMs }) => (reviewAfterMs === undefined ? [] : [reviewAfterMs]));
  return after.length === 0 ? {} : { reviewAt: Date.now() + Math.min(...after) };
}

/** The owner is paged, and again after as long, until somebody extends or releases. */
async function pageForReview(
  memory: Memory,
  watched: Watched[],
  say: (action: EventDraft['action'], data: object) => EventDraft,
): Promise<void> {
  const every = Math.min(
    ...watched.flatMap(({ reviewAfterMs }) => (reviewAfterMs === undefined ? [] : [reviewAfterMs])),
  );
  memory.reviewAt = Date.now() + every;
  const { owner } = memory;
  const says = 'the containment is due for review; it stays in force until it is released';
  await control.append([say('containment.review-due', { says, owner }), say('owner.paged', { says, owner })]);
}

/** A look that fails is told to the owner and made again: whatever stops the watch, it must not end in silence. */
async function look(
  run: RunRef,
  memory: Memory,
  settlesPerHour: number,
  watched: Watched[],
  say: (action: EventDraft['action'], data: object) => EventDraft,
): Promise<WatchResult> {
  memory.look += 1;
  const sum: WatchResult = { open: 0, ended: false };
  // What isolates a host must not wait for what protects its volumes, least of all while AWS is slow.
  for (const { step, plan, warrant } of watched.toSorted((a, b) => worstFirst(a.plan.risk, b.plan.risk))) {
    let result: WatchResult;
    try {
      const input = { run, step, plan, warrant, owner: memory.owner, settlesPerHour, look: memory.look, retry };
      result = await executor(plan.system, lookTimeoutMs).watch(input);
    } catch (error) {
      const says = `step "${step}" could not be looked at, and will be again: ${asPersonNeed(error, step).needs.why}`;
      await control.append([say('owner.paged', { owner: memory.owner, says })]);
      result = { open: 1, ended: false };
    }
    sum.open = Math.max(sum.open, result.open);
    sum.ended ||= result.ended;
  }
  return sum;
}

/** What can be said to a containment: that its review moves, and notes. */
async function hearOut(
  run: RunRef,
  memory: Memory,
  say: (action: EventDraft['action'], data: object, statement?: Statement) => EventDraft,
  statement: Statement,
): Promise<{ outcome: string }> {
  const facts = await control.hear({ run, statement });
  const ruling = judgeResponder(statement, facts, Date.now());
  const { about, verb } = statement;
  const refuse = async (code: string, reason: string): Promise<never> => {
    await control.append([say('statement.refused', { verb, code, reason, statement: facts.digest })]);
    throw ApplicationFailure.nonRetryable(reason, code);
  };
  // Once it is proven, and before it is judged anew: a second delivery may come when the first is no longer in time.
  const words = wordsOf(statement);
  const before = (memory.answers ?? []).find((each) => each.words === words);
  if (facts.proof.good && about.run === run.run && before !== undefined) return { outcome: before.outcome };
  if (!ruling.counts) return refuse(ruling.code, ruling.reason);
  if (about.kind !== 'run' || about.run !== run.run || about.launch !== run.launch)
    return refuse('about.other-run', 'This was said about another run.');
  // Remembered before the next await: two deliveries in one millisecond must see each other.
  const remember = (outcome: string): { outcome: string } => {
    memory.answers = [...(memory.answers ?? []), { words, outcome }].slice(-answersMax);
    return { outcome };
  };
  const counted = say('statement.counted', { verb, statement: facts.digest }, statement);
  if (verb === 'note') {
    const answer = remember('noted');
    await control.append([counted, say('note', {}, statement)]);
    return answer;
  }
  if (verb === 'hand-over') {
    const handing = judgeHandOver(statement, facts, Date.now());
    if (!handing.counts) return refuse(handing.code, handing.reason);
    const data: OwnerChanged = { owner: handing.to, says: `handed over from ${memory.owner} to ${handing.to}` };
    memory.owner = handing.to;
    const answer = remember(`${handing.to} is the owner now`);
    await control.append([counted, say('owner.changed', data, statement)]);
    return answer;
  }
  if (verb !== 'extend') return refuse('verb.run-ended', 'The run has ended; what is in force is lifted by `release`.');
  if (about.step !== undefined)
    return refuse('about.whole-run', '"extend" moves the review of a whole run; it cannot be said of one step.');
  const byMs = about.byMs ?? 0;
  if (!(byMs > 0 && byMs <= extendMaxMs))
    return refuse('extend.out-of-range', 'A review can be moved by up to 7d at once.');
  memory.reviewAt = Math.max(memory.reviewAt ?? 0, Date.now()) + byMs;
  const until = new Date(memory.reviewAt).toISOString();
  const answer = remember(`review moved to ${until}`);
  await control.append([counted, say('containment.extended', { says: `review moved to ${until}`, until }, statement)]);
  return answer;
}
