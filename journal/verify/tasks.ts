/** What people were asked to do or decide in a run, and whether each step ended by the word of somebody who may say it. */
import * as z from 'zod';
import type { Event } from '../../core/event.js';
import type { StepFinished } from '../../core/event-data.js';
import type { Facts, Statement } from '../../core/statement.js';
import { judgeTask, type Task } from '../../core/task.js';

/** By step, with the word that answered it. */
export type Tasks = ReadonlyMap<string, { task: Task; answer?: Statement }>;

export type Judged = { tasks: Tasks; code?: never } | { code: string; message: string };

/** step.asked */
export function taskAsked(tasks: Tasks, event: Event): Judged {
  const read = taskShape.safeParse(event.data);
  if (!read.success || read.data.step !== event.step)
    return { code: 'event.malformed', message: 'It does not say what people are asked to do or decide.' };
  const task = event.data as unknown as Task;
  if (tasks.has(task.step)) return { code: 'task.asked-twice', message: `Step "${task.step}" was asked before.` };
  return { tasks: new Map(tasks).set(task.step, { task }) };
}

/** statement.counted: somebody's whom the step names, about a step that asked, and the first. */
export function taskAnswered(tasks: Tasks, event: Event, statement: Statement, facts: Facts): Judged {
  const asked = tasks.get(event.step ?? '');
  if (asked === undefined || asked.answer !== undefined)
    return { code: 'task.not-asking', message: 'No step of this run waited for this.' };
  const ruling = judgeTask(asked.task, statement, facts, Date.parse(event.occurredAt));
  if (!ruling.counts)
    return { code: ruling.code, message: `This answer was counted and does not count: ${ruling.reason}` };
  return { tasks: new Map(tasks).set(asked.task.step, { ...asked, answer: statement }) };
}

/** step.finished: a step that people do or decide ends by the word that counted, and by no other. */
export function taskFinished(tasks: Tasks, event: Event): Judged {
  const asked = tasks.get(event.step ?? '');
  const { by, choice } = (event.data ?? {}) as Partial<StepFinished>;
  if (asked === undefined && by === undefined && choice === undefined) return { tasks };
  const about = asked?.answer?.about;
  const chosen = about?.kind === 'run' ? about.choice : undefined;
  return asked?.answer !== undefined && asked.answer.by === by && chosen === choice
    ? { tasks }
    : { code: 'task.not-supported', message: `Nobody who may said that step "${event.step ?? ''}" ended so.` };
}

/** What `step.asked` must say; a file from elsewhere may hold anything in its place. */
const taskShape = z.looseObject({
  kind: z.enum(['manual', 'decide']),
  step: z.string(),
  what: z.string(),
  who: z.array(z.string()),
  evidence: z.string().optional(),
  choices: z.record(z.string(), z.string()).optional(),
});
