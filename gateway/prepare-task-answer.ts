/** Confirm, choose: what waits for people to do or decide it, and the word that would answer it. */
import { groupsOf } from '../core/people.js';
import { FirebreakError } from '../core/errors.js';
import type { RunView, TaskView } from '../core/run-view.js';
import { answerTo } from '../core/task.js';
import type { Prepare, Prepared } from './api.js';
import type { Preparing } from './prepare.js';
import { runEnded } from './prepare-run-answer.js';
import { Refusal } from './refusal.js';
import { hasEnded } from './run-state.js';
import { unknownName } from './unknown.js';
import { knownRun, refuseUnknownStep } from './views.js';

type TaskAsk = Extract<Prepare, { verb: 'confirm' | 'choose' }>;

export async function prepareTaskAnswer(preparing: Preparing, ask: TaskAsk): Promise<Prepared> {
  const { views, nonce } = preparing;
  const view = await knownRun(views, ask.run);
  if (hasEnded(view.state)) throw runEnded(view, ask.verb);
  const task = theTask(view, ask);
  const { run, launch, incident } = view;
  const choice = ask.verb === 'choose' ? { choice: knownChoice(task, ask.choice) } : {};
  refuseWithoutEvidence(task, ask);
  return {
    about: { kind: 'run', run, launch, step: task.step, ...choice },
    nonce,
    run,
    incident,
    shows: [...shown(view, task, ask), ...warnings(preparing, task)],
  };
}

/** The one that is meant; where several wait the person must say which. */
function theTask(view: RunView, { verb, step }: TaskAsk): TaskView {
  if (step !== undefined) refuseUnknownStep(view, step);
  const open = view.tasks.filter(({ kind }) => answerTo[kind] === verb);
  const meant = step === undefined ? open : open.filter((each) => each.step === step);
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  const steps = open.map((each) => each.step).join(', ');
  if (only !== undefined)
    throw new FirebreakError('task.which', `${open.length} steps of ${view.run} wait for a "${verb}": ${steps}.`, {
      nextStep: 'name the step with `--step`.',
    });
  const where = step === undefined ? view.run : `step "${step}" of ${view.run}`;
  const next =
    open.length > 0 ? `what waits for it is ${steps}.` : `look where it stands with \`firebreak status ${view.run}\`.`;
  throw new Refusal('task.not-asking', `Nothing in ${where} waits for a "${verb}" now; it is ${view.state}.`, next);
}

function knownChoice({ step, choices = {} }: TaskView, choice: string): string {
  if (Object.hasOwn(choices, choice)) return choice;
  throw unknownName('task.unknown-choice', `Step "${step}" has no choice "${choice}"`, choice, Object.keys(choices));
}

function refuseWithoutEvidence({ step, evidence }: TaskView, { run, reason }: TaskAsk): void {
  if (evidence === undefined || (reason ?? '').trim() !== '') return;
  throw new FirebreakError('task.no-evidence', `Step "${step}" asks for evidence: ${evidence}`, {
    nextStep: `write it down: \`firebreak confirm ${run} --step ${step} --reason "..."\`.`,
  });
}

function shown({ run, runbook }: RunView, task: TaskView, ask: TaskAsk): string[] {
  const said = ask.reason === undefined ? '' : `: ${ask.reason}`;
  if (ask.verb === 'confirm')
    return [`confirm that "${task.step}" of ${run} (${runbook}) is done${said}`, `  ${task.what}`];
  return [
    `choose "${ask.choice}" at "${task.step}" of ${run} (${runbook})${said}`,
    `  ${task.what}`,
    `  ${ask.choice}: ${task.choices?.[ask.choice] ?? ''}`,
  ];
}

function warnings({ bundle, by }: Preparing, { who }: TaskView): string[] {
  return groupsOf(bundle.people, by).some((group) => who.includes(group))
    ? []
    : [`You are in none of ${who.join(', ')}: your answer will be refused and is on the record.`];
}
