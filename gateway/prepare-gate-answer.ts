/** Approve, deny, withdraw: what asks now, and the effect that the person's word would be about. */
import { askName } from '../core/ask-name.js';
import { FirebreakError } from '../core/errors.js';
import { groupsOf } from '../core/people.js';
import { requestName } from '../core/request-name.js';
import type { AskView, RunView } from '../core/run-view.js';
import type { Prepared } from './api.js';
import { gateLine, planLines } from './lines.js';
import { asking, planOf } from './plan-answer.js';
import type { Preparing, RunAsk } from './prepare.js';
import { Refusal } from './refusal.js';
import { knownRun } from './views.js';
import { hasEnded } from './run-state.js';

export async function prepareGateAnswer(preparing: Preparing, ask: RunAsk): Promise<Prepared> {
  const { store, views, nonce, bundle } = preparing;
  const view = await knownRun(views, ask.run);
  const asked = theAsk(view, ask.gate);
  const plan = await planOf(store, view, asked.id, bundle.installation.targets);
  return {
    about: asked.about,
    nonce,
    run: view.run,
    incident: view.incident,
    validForMs: asked.spec.approvalValidMs,
    shows: [
      `${ask.verb} ${whatItAllows(asked)} of ${view.run} (${view.runbook}), asked by ${asked.request?.by ?? view.requester}${whyOf(view, asked)}`,
      `gate ${asked.about.gate}, round ${asked.about.round}: ${gateLine(asked.spec)}`,
      ...planLines(plan, view.run),
      `plan ${asked.about.plan}`,
      ...asked.decided.map(({ by, verb, at }) => `${by} said ${verb} at ${at}`),
      ...warnings(preparing, asked),
    ],
  };
}

function whyOf(view: RunView, asked: AskView): string {
  const reason = asked.reason ?? view.reason;
  return reason === undefined ? '' : `: ${reason}`;
}

/** The one ask that is meant. Several asking means that the person must say which: nobody approves by accident. */
function theAsk(view: RunView, gate: string | undefined): AskView {
  const open = asking(view);
  const meant = gate === undefined ? open : open.filter((each) => each.id === gate || each.about.gate === gate);
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  if (open.length === 0)
    throw new Refusal('gate.not-asking', `Nothing asks in ${view.run}: ${standing(view)}`, nextFor(view));
  const names = open.map((each) => askName(each, open)).join(', ');
  const which =
    gate === undefined
      ? `${open.length} gates ask in ${view.run}`
      : `Gate "${gate}" does not ask in ${view.run}, or more than once`;
  throw new FirebreakError('gate.which', `${which}; asking now: ${names}.`, {
    nextStep: `name the gate with \`--gate\`, or the ask by its id: ${open.map(({ id }) => id).join(', ')}.`,
  });
}

/** The state, and who decided last, so that a late answer learns what happened. */
function standing(view: RunView): string {
  const last = view.asks.findLast((each) => each.state !== 'asking');
  if (last === undefined) return `it is ${view.state} and no gate has asked yet.`;
  const decided = last.decided.map(({ by, verb, at }) => `${by} said ${verb} at ${at}`).join(', ');
  return `it is ${view.state}; gate "${last.about.gate}" ${last.state}${decided === '' ? '' : ` (${decided})`}.`;
}

function nextFor({ state, run }: RunView): string {
  return hasEnded(state)
    ? `nothing is to be decided; see \`firebreak status ${run}\`.`
    : `wait until it asks; \`firebreak watch ${run}\` shows it.`;
}

function whatItAllows({ allows, request }: AskView): string {
  return allows === 'carry out' ? 'carrying out the plan' : `the ${requestName(allows, request)}`;
}

/** What the engine would refuse for is said before the signature; it still may be said, and is then on the record. */
function warnings({ bundle, by }: Preparing, { excluded, spec }: AskView): string[] {
  if (excluded.includes(by)) return ['You asked for this yourself: your answer will be refused and is on the record.'];
  const eligible = groupsOf(bundle.people, by).some((group) => spec.from.includes(group));
  return eligible
    ? []
    : [`You are in none of ${spec.from.join(', ')}: your answer will be refused and is on the record.`];
}
