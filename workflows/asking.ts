/** How a gate asks and how it ends: by what people say, or by workflow time; never passed by time. */
import { condition } from '@temporalio/workflow';
import type { EventDraft } from '../core/event.js';
import { type GateSpec, type Request, standingIn, stillGood, verdict } from '../core/gate.js';
import type { PlanRef } from '../core/plan.js';
import type { Statement } from '../core/statement.js';
import type { Verb } from '../core/verbs.js';
import type { AskRecord, RunMemory } from './memory.js';
import { control } from './proxies.js';
import { calling, eventOf, nowIso, record } from './record.js';

export interface Question {
  gate: string;
  spec: GateSpec;
  allows: 'carry out' | Verb;
  request?: Request;
  plans: PlanRef[];
  containing: boolean;
  excluded: string[];
  reason?: string;
}

/** Asks in a new round. People may answer before this returns: handlers wait for `opening` to end. */
export async function openAsk(memory: RunMemory, desk: { opening: number }, question: Question): Promise<AskRecord> {
  const round = (memory.rounds[question.gate] ?? 0) + 1;
  memory.rounds[question.gate] = round;
  desk.opening += 1;
  try {
    const id = `${question.gate}#${round}`;
    const openedAt = nowIso();
    const deadline = new Date(Date.now() + question.spec.withinMs).toISOString();
    const { run } = memory;
    const { plan } = await calling(memory, control.ask({ run, id, round, openedAt, deadline, ...question }));
    const { gate, plans, reason: _reason, ...asks } = question;
    const about = { kind: 'gate' as const, run: run.run, launch: run.launch, gate, round, plan };
    const asked: AskRecord = {
      ask: { ...asks, id, about, openedAt, deadline },
      plans,
      counted: [],
      statements: [],
      state: 'asking',
      remindedAt: Date.now(),
      escalated: false,
    };
    memory.asks.push(asked);
    return asked;
  } finally {
    desk.opening -= 1;
  }
}

/** Where an asking stands once `counted` or the clock has moved, with the events that say so. */
export function settleAsk(memory: RunMemory, asked: AskRecord): EventDraft[] {
  if (asked.state !== 'asking') return [];
  const lapsed = dropLapsed(memory, asked);
  const now = verdict(asked.ask, asked.counted, Date.now());
  if (now === 'asking') return lapsed;
  asked.state = now;
  return [...lapsed, eventOf(memory, `gate.${now}`, { data: moved(asked) })];
}

/**
 * Executors carry nothing out on an approval that is too old, so it must not help a gate to pass. People are reminded whose
 * lapsed; the statement itself stays, for a warrant leaves nothing out that counted.
 */
export function dropLapsed(memory: RunMemory, asked: AskRecord): EventDraft[] {
  const good = stillGood(asked.counted, Date.now());
  if (good.length === asked.counted.length) return [];
  const lapsed = standingIn(asked.counted).filter((each) => !good.includes(each));
  asked.counted = good;
  // Said once more with the same nonce it is a new word, not a second delivery.
  for (const { by, at } of lapsed)
    for (const each of asked.statements) if (each.by === by && each.at === at) delete memory.answers[wordsOf(each)];
  if (lapsed.length === 0) return [];
  asked.remindedAt = Date.now();
  return [eventOf(memory, 'gate.reminded', { data: { ...moved(asked), lapsed: lapsed.map(({ by }) => by) } })];
}

/** Waits until a gate has passed, was denied, or ran out of time; reminds and escalates meanwhile. */
export async function awaitAsk(memory: RunMemory, asked: AskRecord): Promise<Exclude<AskRecord['state'], 'asking'>> {
  for (;;) {
    await record(memory, ...settleAsk(memory, asked), ...nudge(memory, asked));
    if (asked.state !== 'asking') return asked.state;
    const before = asked.counted.length;
    // Every word may change until when the waiting is, for an approval lapses some time after it.
    const moves = (): boolean => asked.state !== 'asking' || asked.counted.length !== before;
    await condition(moves, Math.max(nextNudgeAt(asked) - Date.now(), 1));
  }
}

function nextNudgeAt({ ask, counted, remindedAt, escalated }: AskRecord): number {
  const remind = ask.spec.remindMs === undefined ? Infinity : remindedAt + ask.spec.remindMs;
  const escalate =
    ask.spec.escalate === undefined || escalated ? Infinity : Date.parse(ask.openedAt) + ask.spec.escalate.afterMs;
  // Good until then, and not at the next millisecond.
  const lapses = counted.flatMap((each) => (each.verb === 'approve' ? [Date.parse(each.goodUntil) + 1] : []));
  return Math.min(Date.parse(ask.deadline), remind, escalate, ...lapses);
}

/** Reminds, escalates, and lets a containing gate that ran out page again and go on asking. */
function nudge(memory: RunMemory, asked: AskRecord): EventDraft[] {
  if (asked.state !== 'asking') return [];
  const { ask } = asked;
  const events: EventDraft[] = [];
  const now = Date.now();
  if (
    ask.spec.escalate !== undefined &&
    !asked.escalated &&
    now >= Date.parse(ask.openedAt) + ask.spec.escalate.afterMs
  ) {
    asked.escalated = true;
    events.push(eventOf(memory, 'gate.escalated', { data: { ...moved(asked), to: ask.spec.escalate.to } }));
  }
  if (ask.containing && now >= Date.parse(ask.deadline)) {
    ask.deadline = new Date(now + ask.spec.withinMs).toISOString();
    events.push(
      eventOf(memory, 'gate.extended', {
        data: { ...moved(asked), why: 'nobody answered in time; a containing gate goes on asking' },
      }),
    );
    events.push(
      eventOf(memory, 'owner.paged', {
        data: { owner: memory.owner, says: `gate ${ask.about.gate} still asks` },
      }),
    );
    asked.remindedAt = now;
  } else if (ask.spec.remindMs !== undefined && now >= asked.remindedAt + ask.spec.remindMs) {
    asked.remindedAt = now;
    events.push(eventOf(memory, 'gate.reminded', { data: moved(asked) }));
  }
  return events;
}

/** One word of one person, however often it is delivered. */
export function wordsOf({ verb, by, nonce }: Statement): string {
  return `${verb}|${by}|${nonce}`;
}

export function moved({ ask }: AskRecord): { id: string; gate: string; round: number; deadline: string } {
  return { id: ask.id, gate: ask.about.gate, round: ask.about.round, deadline: ask.deadline };
}
