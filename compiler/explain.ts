/**
 * A runbook as a checklist in plain words, for a responder who is tired and has not written it: what is asked of whom,
 * what is done in which order, what follows a failure, what stays in force and how it is lifted.
 */
import { formatDuration } from '../core/duration.js';
import type { Expr } from '../core/expression.js';
import { atLeast, type GateSpec } from '../core/gate.js';
import type { RampStage } from '../core/ramp.js';
import { leastGate, type Risk, worst } from '../core/risk.js';
import {
  type InputType,
  isByPerson,
  nameOfWork,
  type PersonWork,
  type Runbook,
  type Step,
  type SystemWork,
} from '../core/runbook.js';
import { whoMay } from '../core/verbs.js';
import type { Catalog, UnitInfo } from './catalog.js';
import { showExpression } from './show-expression.js';

export function explain(runbook: Runbook, catalog: Catalog): string {
  const sections = [
    [`${runbook.name}, version ${runbook.version}`, runbook.summary, ...onlyIn(runbook)],
    asksFor(runbook),
    done(runbook, catalog),
    agreed(runbook),
    failing(runbook),
    inForce(runbook, catalog),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function onlyIn({ environments }: Runbook): string[] {
  return environments === undefined ? [] : [`It may be launched in ${environments.join(' and ')} alone.`];
}

function asksFor({ inputs }: Runbook): string[] {
  const names = Object.keys(inputs);
  if (names.length === 0) return ['It asks for nothing at launch.'];
  const width = Math.max(...names.map((name) => name.length));
  return [
    'What it asks for at launch',
    ...Object.entries(inputs).map(([name, type]) => `  ${name.padEnd(width)}  ${describeInput(type)}`),
  ];
}

const inputWords: Record<InputType['type'], [one: string, many: string]> = {
  string: ['a text', 'texts'],
  number: ['a number', 'numbers'],
  boolean: ['true or false', 'true or false'],
  list: ['a list', 'lists'],
  choice: ['one of', 'one of'],
  'aws-instance': ['the id of an EC2 instance', 'ids of EC2 instances'],
  run: ['the id of a run', 'ids of runs'],
  incident: ['the id of an incident', 'ids of incidents'],
};

/** `a list of ids of EC2 instances (at most 500)`, and what the runbook says of it. */
export function describeInput(type: InputType): string {
  const of = inputWords[(type.of ?? 'string') as InputType['type']][1];
  const what =
    type.type === 'list'
      ? `a list of ${of}`
      : type.type === 'choice'
        ? `one of ${(type.choices ?? []).join(', ')}`
        : inputWords[type.type][0];
  const unit = type.type === 'string' ? ' characters' : '';
  const bounds = [
    ...(type.min === undefined ? [] : [`at least ${type.min}${unit}`]),
    ...(type.max === undefined ? [] : [`at most ${type.max}${unit}`]),
    ...(type.optional === true ? ['may be left out'] : []),
    ...(type.default === undefined ? [] : [`default ${JSON.stringify(type.default)}`]),
  ];
  const text = bounds.length === 0 ? what : `${what} (${bounds.join(', ')})`;
  return type.description === undefined ? text : `${text}: ${type.description}`;
}

function done({ steps }: Runbook, catalog: Catalog): string[] {
  return ['What is done, and when', ...steps.flatMap((step, index) => describeStep(step, index + 1, catalog))];
}

function describeStep(step: Step, number: number, catalog: Catalog): string[] {
  const { work } = step;
  const lines = isByPerson(work) ? describeTask(step.id, work) : describeUnit(step, work, catalog);
  lines[0] = `[ ] ${number}. ${step.id} (${step.phase}): ${lines[0]}`;
  lines.push(
    step.needs.length === 0
      ? 'Begins at once.'
      : `Begins when ${and(step.needs)} ${step.needs.length === 1 ? 'has' : 'have'} ended.`,
  );
  if (step.if !== undefined) lines.push(`Only if ${showExpression(step.if)}; otherwise it is skipped, on the record.`);
  if (step.gate !== undefined) lines.push(`Changes nothing before gate "${step.gate}" has passed.`);
  if (step.bestEffortMs !== undefined)
    lines.push(
      `Best effort: ends after ${formatDuration(step.bestEffortMs)} with what it has got, and nothing fails for it.`,
    );
  return lines.map((line, index) => (index === 0 ? `  ${line}` : `         ${line}`));
}

function describeUnit(step: Step, work: SystemWork, catalog: Catalog): string[] {
  const name = nameOfWork(work);
  const lines = [unitOf(step, catalog)?.summary ?? name, `Unit ${name}, ${riskWords[riskOf(step)]}.`];
  if (step.forEach !== undefined) {
    const most = step.bound === undefined ? '' : `; at most ${step.bound} without asking anew`;
    lines.push(`Once for each of ${showExpression(step.forEach)}${most}.`);
  }
  if (work.kind === 'check' && work.until !== undefined) {
    const { met, everyMs, withinMs } = work.until;
    lines.push(
      `Again every ${formatDuration(everyMs)} until ${showExpression(met)}; after ${formatDuration(withinMs)} it counts as failed.`,
    );
  }
  if (step.ramp !== undefined) lines.push(describeRamp(step.ramp, step.tolerate ?? 0));
  return work.kind === 'exchange' ? lines : [...lines, ...describeWith(work.with)];
}

function describeRamp(ramp: RampStage[], tolerate: number): string {
  const stages = ramp.map((stage) => ('items' in stage ? `${stage.items}` : `${stage.percent}%`));
  const fails = tolerate === 0 ? 'none fails' : `no more than ${tolerate} fail`;
  return `First up to ${stages.join(', then up to ')} of them, then all; each time only if ${fails}.`;
}

function describeTask(id: string, work: PersonWork): string[] {
  const what = showText(work.what);
  const waits = `${or(work.who)} ${work.kind === 'manual' ? 'do this by hand' : 'decide'}; they and the owner are reminded every ${formatDuration(work.remindMs)}, and the run waits.`;
  if (work.kind === 'decide')
    return [
      what,
      waits,
      ...Object.entries(work.choices).map(
        ([choice, means]) => `  firebreak choose RUN ${choice} --step ${id}: ${means}`,
      ),
    ];
  const evidence = work.evidence === undefined ? [] : [`To be written down: ${work.evidence}`];
  return [what, waits, ...evidence, `When it is done: firebreak confirm RUN --step ${id}`];
}

/** A text as it was written, with its expressions in it. */
export function showText(text: Expr): string {
  if (text.op === 'literal' && typeof text.value === 'string') return text.value;
  const shown = showExpression(text);
  return text.op === 'text' ? (JSON.parse(shown) as string) : shown;
}

function describeWith(given: Expr): string[] {
  if (given.op !== 'object' || Object.keys(given.fields).length === 0) return [];
  return [
    `With ${Object.entries(given.fields)
      .map(([key, value]) => `${key} = ${showExpression(value)}`)
      .join(', ')}.`,
  ];
}

const riskWords: Record<Risk, string> = {
  read: 'which only reads',
  low: 'of low risk',
  disruptive: 'which disrupts what it touches',
  irreversible: 'which cannot be taken back',
};

function agreed({ gates, steps }: Runbook): string[] {
  const names = Object.keys(gates);
  if (names.length === 0) return ['Nobody has to agree: it changes nothing.'];
  return [
    'Who must agree',
    ...Object.entries(gates).flatMap(([name, spec]) =>
      describeGate(
        name,
        spec,
        steps.filter(({ gate }) => gate === name),
      ),
    ),
  ];
}

function describeGate(name: string, asked: GateSpec, steps: Step[]): string[] {
  const spec = asAsked(asked, steps);
  const containing = steps.some(({ phase }) => phase === 'contain');
  const lines = [
    `Gate "${name}", for ${and(steps.map(({ id }) => id))}:`,
    `${people(spec.need)} from ${or(spec.from)}; whoever launched it does not count. One denial stops it.`,
  ];
  if (spec.need > asked.need) lines.push(`(The runbook asks for ${asked.need}; the risk asks for ${spec.need}.)`);
  if (spec.personalKeys > 0)
    lines.push(`${spec.personalKeys === 1 ? 'One' : spec.personalKeys} of them must sign with a key of their own.`);
  if (spec.remindMs !== undefined) lines.push(`They are reminded every ${formatDuration(spec.remindMs)}.`);
  if (spec.escalate !== undefined)
    lines.push(
      `After ${formatDuration(spec.escalate.afterMs)} without a decision ${and(spec.escalate.to)} ${spec.escalate.to.length === 1 ? 'is' : 'are'} paged.`,
    );
  lines.push(
    containing
      ? `After ${formatDuration(spec.withinMs)} it pages again and goes on asking; time never passes it.`
      : `After ${formatDuration(spec.withinMs)} without enough approvals it counts as denied, and nothing is done.`,
  );
  lines.push(`An approval is for exactly what was shown, and good for ${formatDuration(spec.approvalValidMs)}.`);
  return lines.map((line, index) => (index === 0 ? `  ${line}` : `    ${line}`));
}

/** A gate as it will ask for these steps: their risk may ask for more than the runbook. */
export function asAsked(spec: GateSpec, steps: Step[]): GateSpec {
  return atLeast(spec, leastGate[worst(steps.map(riskOf))]);
}

const failureWords: Record<Step['onFailure'], string> = {
  stop: 'the run ends as failed; the steps after it are skipped, on the record, and nothing waits for a person.',
  continue: 'the other targets and the steps after it go on; the failure is shown and stays on the record.',
  undo: 'what the step did is put back, then the run stops.',
  ask: 'the run waits until a person decides.',
};

function failing({ steps: all }: Runbook): string[] {
  const steps = all.filter(({ work }) => !isByPerson(work));
  if (steps.length === 0) return [];
  const lines = ['If a target fails'];
  for (const choice of ['continue', 'stop', 'ask', 'undo'] as const) {
    const ids = steps.filter(({ onFailure }) => onFailure === choice).map(({ id }) => id);
    if (ids.length > 0) lines.push(`  ${and(ids)}: ${failureWords[choice]}`);
  }
  for (const { id, tolerate = 0 } of steps)
    if (tolerate > 0) lines.push(`  In ${id} up to ${tolerate} may fail before that.`);
  const attempts = [...new Set(steps.map(({ retry }) => retry.attempts))];
  lines.push(
    `  Before that, a batch is attempted ${or(attempts.map(String))} times. Doing it again is safe: what is so already is left as it is.`,
  );
  return lines;
}

function inForce({ steps }: Runbook, catalog: Catalog): string[] {
  const containing = steps.filter((step) => step.phase === 'contain' && step.work.kind === 'change');
  const oneWay = containing.filter((step) => unitOf(step, catalog)?.oneWay === true).map(({ id }) => id);
  const held = containing.filter(({ id }) => !oneWay.includes(id));
  const lines: string[] = [];
  if (held.length > 0) {
    lines.push(
      'What stays in force',
      `  What ${and(held.map(({ id }) => id))} did stays when the run has ended. No failure, cancel or deadline lifts it.`,
    );
    for (const { id, reviewAfterMs } of held) {
      if (reviewAfterMs !== undefined)
        lines.push(`  ${formatDuration(reviewAfterMs)} after ${id} the owner is paged to review it.`);
    }
    const { release } = whoMay;
    const need =
      release.who === 'asks'
        ? `${people(release.needLifting)} must agree while the incident is open, ${people(release.need)} afterwards.`
        : '';
    lines.push(
      '  It is watched, and what an attacker turns back is done again.',
      `  To lift it: firebreak release RUN. ${need} What was there before is put back, but for what was changed since.`,
    );
  }
  if (oneWay.length > 0)
    lines.push(
      ...(lines.length === 0 ? ['What stays'] : []),
      `  What ${and(oneWay)} did has no way back, and nothing to lift.`,
    );
  return lines.length === 0 ? ['Nothing stays in force when the run has ended.'] : lines;
}

function unitOf({ work }: Step, catalog: Catalog): UnitInfo | undefined {
  return 'unit' in work ? catalog.get(work.unit) : undefined;
}

function riskOf({ work }: Step): Risk {
  return work.kind === 'change' ? work.risk : 'read';
}

export function people(need: number): string {
  return need === 1 ? '1 other person' : `${need} other people`;
}

export const and = (words: string[]): string => joined(words, 'and');
export const or = (words: string[]): string => joined(words, 'or');

function joined(words: string[], last: string): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}
