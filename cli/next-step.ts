/** The next thing that a person must do about a run: the last line of status, watch and run. */
import { askName } from '../core/ask-name.js';
import type { Hold } from '../core/hold.js';
import type { AskView, RunView, TaskView } from '../core/run-view.js';
import { saysNotAsHeld } from '../core/settle-limit.js';
import { awaited } from './run-facts.js';
import { oneLine } from './visible.js';

export function nextStep(view: RunView, holds: Hold[]): string {
  const asks = view.asks.filter(({ state }) => state === 'asking');
  if (view.state === 'needs a person')
    return `${view.needs?.why ?? 'A person has to decide.'} ${view.needs?.next ?? `See \`firebreak status ${view.run}\`.`}`;
  const { paused } = view;
  if (asks.length + view.tasks.length > 0 || paused !== undefined)
    return [
      ...(paused === undefined
        ? []
        : [`Paused until ${paused.until} by ${paused.by}; to go on before: firebreak resume ${view.run}.`]),
      ...asks.map((ask) => whoDecides(view, ask, asks)),
      ...view.tasks.map((task) => whoAnswers(view, task)),
    ].join(' ');
  if (view.state === 'planning' || view.state === 'running') return 'Nothing; it goes on by itself.';
  const changed = saysNotAsHeld(view, holds, (at) => at);
  if (changed !== undefined) return changed;
  if (holds.length > 0)
    return `${holds.length} still in force; when the incident is over: firebreak release ${view.run} --reason TEXT`;
  if (view.state === 'done') return 'Nothing; nothing of it is in force.';
  return `Look at what it did: firebreak status ${view.run}; then launch anew, or undo with: firebreak undo ${view.run} --reason TEXT`;
}

/** `call-owner waits for security-oncall: Call the owner. When it is done: firebreak confirm run-1 --step call-owner` */
function whoAnswers({ run }: RunView, { kind, step, what, who, evidence, choices = {} }: TaskView): string {
  const waits = `${step} waits for somebody of ${who.join(', ')}: ${oneLine(what)}`;
  if (kind === 'decide') {
    const offered = Object.entries(choices).map(([choice, means]) => `${choice} (${means})`);
    return `${waits} One of ${offered.join(', ')}: firebreak choose ${run} CHOICE --step ${step}`;
  }
  const write = evidence === undefined ? '' : ` --reason "${evidence}"`;
  return `${waits} When it is done: firebreak confirm ${run} --step ${step}${write}`;
}

function whoDecides({ run }: RunView, ask: AskView, asking: AskView[]): string {
  const { from } = ask.spec;
  const others = ask.excluded.length === 0 ? '' : `, other than ${ask.excluded.join(', ')},`;
  const gate = asking.length > 1 ? ` --gate ${askName(ask, asking)}` : '';
  return `Gate ${ask.about.gate} waits until ${ask.deadline} for ${awaited(ask).missing} more of ${from.join(', ')}${others} to say: firebreak approve ${run}${gate}`;
}
