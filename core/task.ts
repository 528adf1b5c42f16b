/** What a run asks of people beside agreement: that something is done by hand, or that they decide how it goes on. */
import { judgeSpeaker } from './gate.js';
import type { Facts, Statement } from './statement.js';

export interface Task {
  kind: 'manual' | 'decide';
  step: string;
  /** What is to be done, or the question. */
  what: string;
  /** Groups whose members' word counts. Nobody is excluded: a task agrees to no change. */
  who: string[];
  /** What must be written when it is confirmed. */
  evidence?: string;
  /** What can be chosen, and what it means. */
  choices?: Record<string, string>;
}

export type TaskRuling = { counts: true } | { counts: false; code: string; reason: string };

/** Whether an answer counts. Workflow and offline verifier both call it. */
export function judgeTask(task: Task, statement: Statement, facts: Facts, nowMs: number): TaskRuling {
  const speaker = judgeSpeaker(statement, facts, nowMs);
  if (!speaker.good) return refused(speaker.code, speaker.reason);
  const { about, verb, reason } = statement;
  const { kind, step, who, evidence, choices = {} } = task;
  if (about.kind !== 'run' || about.step !== step)
    return refused('task.other-step', `This was not said about step "${step}".`);
  if (!speaker.principal.groups.some((group) => who.includes(group)))
    return refused('task.not-eligible', `Only ${who.join(' or ')} can answer for step "${step}".`);
  if (verb !== answerTo[kind])
    return refused('task.other-verb', `Step "${step}" is answered with ${answerTo[kind]}, not with ${verb}.`);
  if (kind === 'manual') {
    return evidence !== undefined && (reason ?? '').trim() === ''
      ? refused('task.no-evidence', `Step "${step}" asks for evidence: ${evidence}`)
      : { counts: true };
  }
  return about.choice !== undefined && Object.hasOwn(choices, about.choice)
    ? { counts: true }
    : refused('task.unknown-choice', `Step "${step}" offers ${Object.keys(choices).join(', ')}.`);
}

/** How each kind is answered. */
export const answerTo = { manual: 'confirm', decide: 'choose' } as const;

function refused(code: string, reason: string): TaskRuling {
  return { counts: false, code, reason };
}
