/** Lines that a person reads before signing: what would change, at which gate, for whom. Shared by the API and the cards. */
import { canonical } from '../core/canonical.js';
import { targetKey } from '../core/change.js';
import type { GateSpec } from '../core/gate.js';
import type { Hold } from '../core/hold.js';
import type { Json } from '../core/json.js';
import type { PlannedChange } from '../core/plan.js';
import type { PlanAnswer } from './api.js';

/** Change lines shown before signing; the whole plan is one command away. */
const changesMax = 20;
/** Characters of one state; longer ones are cut, with their end marked. */
const stateMax = 160;

/** `aws:eu-west-1:network-interface:eni-1 groups: ["sg-1"] → ["sg-2"]`. */
export function changeLine({
  target,
  aspect,
  before,
  after,
}: Pick<PlannedChange, 'target' | 'aspect' | 'before' | 'after'>): string {
  return `${targetKey(target)} ${aspect}: ${short(before)} → ${short(after)}`;
}

/** What would be changed, step by step, at most twenty lines; what already is so is only counted. */
export function planLines({ steps }: PlanAnswer): string[] {
  const toChange = steps.flatMap(({ step, changes }) =>
    changes.filter(({ standing }) => standing === 'change').map((change) => ({ step, change })),
  );
  const lines = toChange.slice(0, changesMax).map(({ step, change }) => `  ${step}: ${changeLine(change)}`);
  if (toChange.length > changesMax) lines.push(`  and ${toChange.length - changesMax} more`);
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
export function holdLine(hold: Hold, releasing: string[]): string {
  const others = hold.holders.filter(({ run }) => !releasing.includes(run)).map(({ run }) => run);
  if (others.length > 0) return `${targetKey(hold.target)} ${hold.aspect}: stays, also held by ${others.join(', ')}`;
  const unknown = hold.state === 'intended' ? `, unknown since ${hold.intendedAt}` : '';
  return `${changeLine({ ...hold, before: hold.after, after: hold.before })}${unknown}`;
}

export function short(value: Json): string {
  const text = typeof value === 'string' ? value : canonical(value);
  return text.length > stateMax ? `${text.slice(0, stateMax - 1)}…` : text;
}
