/** Steps that people do by hand or decide: what they read, and whether somebody can answer. */
import { isByPerson, type PersonWork } from '../core/runbook.js';
import type { People } from '../core/people.js';
import type { Runbook } from '../core/runbook.js';
import type { Scope } from './expression.js';
import { toMs } from './forms.js';
import type { Path } from './place.js';
import { didYouMean, oneOf } from './problem.js';
import type { Report } from './report.js';
import type { StepForm } from './runbook-schema.js';
import { lowerValue } from './with.js';

const remindMsDefault = 15 * 60_000;

/** Undefined where the step is a unit's, or says two things at once. */
export function compilePersonWork(
  { manual, decide }: StepForm,
  path: Path,
  scope: Scope,
  report: Report,
): PersonWork | undefined {
  if (manual !== undefined) {
    const { evidence, who } = manual;
    const what = lowerValue(manual.what, [...path, 'manual', 'what'], scope, report).expr;
    return { kind: 'manual', what, who, remindMs: remindOf(manual), ...(evidence === undefined ? {} : { evidence }) };
  }
  if (decide === undefined) return undefined;
  const what = lowerValue(decide.what, [...path, 'decide', 'what'], scope, report).expr;
  return { kind: 'decide', what, who: decide.who, remindMs: remindOf(decide), choices: decide.choices };
}

function remindOf({ remind }: { remind?: string | undefined }): number {
  return remind === undefined ? remindMsDefault : toMs(remind);
}

/** Whether there is anybody who can answer. */
export function canBeAnswered(
  { steps }: Runbook,
  people: People,
  { report, placeOf }: { report: Report; placeOf: (step: string) => Path },
): void {
  const groups = Object.keys(people.groups);
  for (const { id, work } of steps) {
    if (!isByPerson(work)) continue;
    const path = [...placeOf(id), work.kind, 'who'];
    const unknown = work.who.filter((group) => !groups.includes(group));
    for (const group of unknown) {
      const at = [...path, work.who.indexOf(group)];
      const message = `unknown group "${group}"${didYouMean(group, groups)}`;
      report.value(at, 'step.unknown-group', message, `${oneOf(groups)} Groups stand in people.yaml.`);
    }
    const members = work.who.flatMap((group) => people.groups[group] ?? []);
    const isActive = (person: string): boolean =>
      people.principals[person] !== undefined && people.principals[person].revokedAt === undefined;
    if (unknown.length === 0 && !members.some(isActive)) {
      const message = `nobody can answer step "${id}": ${work.who.join(' or ')} has nobody`;
      report.value(path, 'step.nobody', message, 'Add people to the groups, or groups to "who".');
    }
  }
}
