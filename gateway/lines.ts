/** Lines that a person reads before signing: what would change, at which gate, for whom. Shared by the API and the cards. */
import { canonical } from '../core/canonical.js';
import { targetKey } from '../core/change.js';
import type { GateSpec } from '../core/gate.js';
import type { ShownHold } from '../core/hold.js';
import type { Json } from '../core/json.js';
import { ofItem, reachOf } from '../core/reach.js';
import { risks } from '../core/risk.js';
import { differences, differs, type ShownChange } from '../core/shown-change.js';
import type { PlanAnswer } from './api.js';

/** Change lines shown before signing; the whole plan is one command away. */
const changesMax = 20;
/** Characters of one state; longer ones are cut, with their end marked. */
const stateMax = 160;

/** `aws:eu-west-1:network-interface:eni-1 (instance i-1) groups: ["sg-1"] → ["sg-2"]`, and what is otherwise than that. */
export function changeLine(
  change: Pick<ShownChange, 'item' | 'target' | 'aspect' | 'before' | 'after' | 'found' | 'planned' | 'known'>,
): string {
  const { target, aspect, before, after } = change;
  const otherwise = differences(change).map(({ says, value }) => `; ${says}: ${short(value)}`);
  return `${targetKey(target)}${ofItem(change)} ${aspect}: ${short(before)} → ${short(after)}${otherwise.join('')}`;
}

/**
 * What would be changed, in the order in which it should be read: first what is not as people take it for granted, then the
 * most harmful, so that what does not fit is the least of it.
 */
export function toChange({ steps }: PlanAnswer): { step: string; change: ShownChange }[] {
  const changes = steps.flatMap((each) =>
    each.changes.filter(({ standing }) => standing === 'change').map((change) => ({ step: each.step, change })),
  );
  return changes.toSorted(
    (a, b) =>
      Number(differs(b.change)) - Number(differs(a.change)) ||
      risks.indexOf(b.change.risk) - risks.indexOf(a.change.risk),
  );
}

/** All that the person's word would be about: what is already as wanted is in no approved bound. */
export function signedFor({ steps }: PlanAnswer): ShownChange[] {
  return steps.flatMap(({ changes }) => changes.filter(({ standing }) => standing !== 'already'));
}

/** Every item, however many: nobody signs for a host that they were not shown. */
export function reachLines(changes: Parameters<typeof reachOf>[0]): string[] {
  return reachOf(changes).map(({ where, items }) => `  on ${where}: ${items.join(', ')}`);
}

/** `protect: aws.protect-instance@1 on up to 40 targets that are still to be found, without asking about each` */
export function boundLines({ steps }: PlanAnswer): string[] {
  return steps.flatMap(({ step, bound }) =>
    bound === undefined
      ? []
      : [
          `${step}: ${bound.unit} on up to ${bound.atMost} targets that are still to be found, without asking about each`,
        ],
  );
}

/** What is reached, all of it; then what would be changed, at most twenty lines; what already is so is only counted. */
export function planLines(plan: PlanAnswer, run: string): string[] {
  const { steps } = plan;
  const wanted = toChange(plan);
  const lines = [
    ...reachLines(signedFor(plan)),
    ...boundLines(plan).map((line) => `  ${line}`),
    ...wanted.slice(0, changesMax).map(({ step, change }) => `  ${step}: ${changeLine(change)}`),
  ];
  if (wanted.length > changesMax)
    lines.push(`  and ${wanted.length - changesMax} more: firebreak status ${run} --changes`);
  const already = steps.reduce(
    (sum, { changes }) => sum + changes.filter(({ standing }) => standing === 'already').length,
    0,
  );
  if (already > 0) lines.push(`  ${already} already as wanted`);
  for (const { step, failed } of steps)
    for (const { item, message } of failed) lines.push(`  ${step}: ${short(item)} could not be planned: ${message}`);
  return lines;
}

/** `2 of security-oncall, platform-leads, 1 with a key of their own`. */
export function gateLine({ need, from, personalKeys }: GateSpec): string {
  return `${need} of ${from.join(', ')}${personalKeys > 0 ? `, ${personalKeys} with a key of their own` : ''}`;
}

/** A hold as release sees it: what goes back, or who else keeps it. */
export function holdLine(hold: ShownHold, releasing: string[]): string {
  const others = hold.holders.filter(({ run }) => !releasing.includes(run)).map(({ run }) => run);
  if (others.length > 0)
    return `${targetKey(hold.target)}${ofItem(hold)} ${hold.aspect}: stays, also held by ${others.join(', ')}`;
  const unknown = hold.state === 'intended' ? `, unknown since ${hold.intendedAt}` : '';
  return `${changeLine(exchanged(hold))}${unknown}`;
}

/** A hold as the change that puts back what it found. */
export function exchanged(hold: ShownHold): ShownHold {
  return { ...hold, before: hold.after, after: hold.before };
}

export function short(value: Json): string {
  const text = typeof value === 'string' ? value : canonical(value);
  return text.length > stateMax ? `${text.slice(0, stateMax - 1)}…` : text;
}
