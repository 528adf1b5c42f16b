/** Carries a step through that people do by hand or decide: asked, reminded, answered. Time never answers. */
import { condition } from '@temporalio/workflow';
import type { AnsweredBefore } from '../activities/contract.js';
import { noCounts } from '../core/counts.js';
import type { EventDraft } from '../core/event.js';
import type { StepAsked, StepFinished } from '../core/event-data.js';
import { evaluate } from '../core/expression.js';
import { leftOut } from '../core/left-out.js';
import { isByPerson, type Step } from '../core/runbook.js';
import type { Task } from '../core/task.js';
import type { StepResult, TaskRecord } from './memory.js';
import { eventOf, record } from './record.js';
import { namesOf, type RunContext } from './run-context.js';

export async function byPerson(context: RunContext, step: Step): Promise<StepResult> {
  const { memory } = context;
  if (!isByPerson(step.work)) throw new Error(`${step.id} is not for a person`);
  const { remindMs } = step.work;
  const said = memory.answered[step.id];
  // Where the question names the targets, what somebody did for others says nothing of those that are added.
  if (said !== undefined && (said.what === undefined || said.what === taskOf(context, step).what))
    return answeredBefore(context, step, said);
  const before = memory.tasks[step.id];
  const asked: TaskRecord = before ?? { task: taskOf(context, step), remindAt: Date.now() + remindMs };
  memory.tasks[step.id] = asked;
  if (before === undefined) {
    const data: StepAsked = { ...asked.task, remindMs };
    await record(memory, eventOf(memory, 'step.asked', { step: step.id, data }));
  }
  while (!(await condition(() => asked.answer !== undefined, Math.max(asked.remindAt - Date.now(), 1)))) {
    asked.remindAt = Date.now() + remindMs;
    await record(memory, ...reminders(context, asked.task));
  }
  const { by, choice } = asked.answer ?? {};
  const answer = { ...(by === undefined ? {} : { by }), ...(choice === undefined ? {} : { choice }) };
  const data: StepFinished = { state: 'done', counts: {}, exceptions: [], ...answer };
  await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: 'done', data }));
  return { state: 'done', counts: noCounts, ...(choice === undefined ? {} : { choice }) };
}

/** Where a run only adds targets to another one, nobody is asked twice. */
async function answeredBefore({ memory }: RunContext, { id }: Step, said: AnsweredBefore): Promise<StepResult> {
  const { choice } = said;
  const why = leftOut.answered(said);
  await record(memory, eventOf(memory, 'step.skipped', { step: id, outcome: 'skipped', data: { why } }));
  return { state: 'skipped', counts: noCounts, ...(choice === undefined ? {} : { choice }) };
}

function reminders({ memory }: RunContext, { step, what }: Task): EventDraft[] {
  const { owner } = memory;
  return [
    eventOf(memory, 'step.reminded', { step }),
    eventOf(memory, 'owner.paged', { step, data: { owner, says: `step "${step}" still waits for a person: ${what}` } }),
  ];
}

function taskOf(context: RunContext, { id, work }: Step): Task {
  if (!isByPerson(work)) throw new Error(`${id} is not for a person`);
  const text = evaluate(work.what, namesOf(context));
  const task = { step: id, what: typeof text === 'string' ? text : JSON.stringify(text), who: work.who };
  if (work.kind === 'decide') return { kind: 'decide', ...task, choices: work.choices };
  return { kind: 'manual', ...task, ...(work.evidence === undefined ? {} : { evidence: work.evidence }) };
}
