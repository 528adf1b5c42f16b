/** Where a run stands: its steps, who is waited for, what is in force, and what a person must do next. A plan's card shows the plan. */
import type { KnownBlock } from '@slack/web-api';
import { targetKey } from '../../core/change.js';
import { type Hold, type Standing, standingOf } from '../../core/hold.js';
import type { JsonObject } from '../../core/json.js';
import type { AskView, RunState, RunView, StepView, TaskView } from '../../core/run-view.js';
import { saysNotAsHeld, saysStanding } from '../../core/settle-limit.js';
import { stepOutcome } from './ask-card.js';
import {
  askedBy,
  type CardContent,
  type CardFacts,
  changeLines,
  command,
  context,
  gateState,
  header,
  kinds,
  lapsedLine,
  nominal,
  planRemarks,
  section,
  titleOf,
  where,
} from './cards.js';
import { toChange } from '../lines.js';
import { commandOf } from './fields.js';
import { bare, bounded, code, moment, names, prose } from './mrkdwn.js';
import { reachSections } from './reach-sections.js';

const marks: Record<StepView['state'], string> = {
  waiting: '○',
  running: '▶',
  done: '✔',
  partial: '◐',
  failed: '✘',
  skipped: '–',
  unknown: '?',
};

const stepsShown = 20;
const exceptionsShown = 4;
const unknownShown = 4;
const recentShown = 3;

export function statusCard({ view, plan, holds }: CardFacts): CardContent {
  const title = `${titleOf(view)}: ${view.state}`;
  const next = nextFor(view, holds);
  const first: KnownBlock[] = [
    header(title),
    section([
      `*Next:* ${next}`,
      `*What:* ${prose(view.summary, 400)}`,
      `*Where:* ${prose(where(view), 80)} · ${code(view.run)} in ${code(view.incident)}`,
      askedBy(view),
      `*Since* ${moment(view.launchedAt)}${view.endedAt === undefined ? '' : `, ended ${moment(view.endedAt)}`}`,
      view.says === undefined ? undefined : `*At its end:* ${prose(view.says, 300)}`,
    ]),
    ...(view.steps.length === 0 ? [] : [section([steps(view)])]),
  ];
  const last: KnownBlock[] = [
    ...(view.verb === 'plan' ? planned(view, plan) : []),
    ...optional(inForce(view, holds)),
    ...optional(exceptions(view)),
    ...optional(recent(view)),
    context([
      `\`firebreak status ${view.run}\`${view.evidence === 0 ? '' : ` · ${view.evidence} pieces of evidence`}`,
      view.separation === 'nominal' ? nominal : undefined,
    ]),
  ];
  const reached = view.verb === 'plan' ? reachSections(plan, view.run, [...first, ...last]) : [];
  return { text: `${prose(title)} (${prose(where(view), 80)})`, blocks: [...first, ...reached, ...last] };
}

/** What a person must do, or that nobody must do anything. */
export function nextFor(view: RunView, holds: Hold[]): string {
  if (view.needs !== undefined) return `${prose(view.needs.why)} ${prose(view.needs.next)}`;
  const asking = view.asks.filter(({ state }) => state === 'asking');
  const { paused } = view;
  const pause =
    paused === undefined
      ? []
      : [`paused until ${moment(paused.until)} by ${prose(paused.by, 60)}; \`firebreak resume ${view.run}\` ends it.`];
  const waited = [...pause, ...asking.map(askLine), ...view.tasks.map((task) => taskLine(view, task))];
  if (waited.length > 0)
    return bounded(waited, { lines: recentShown, characters: 1_500 }, (left) => `… and ${left} more`);
  const unknown = holds.filter(({ state }) => state === 'intended').length;
  const changed = saysNotAsHeld(view, holds, moment);
  const ended = view.endedAt !== undefined;
  if (ended && changed !== undefined) return changed;
  if (ended && unknown > 0)
    return `${unknown} of its changes are unknown: look at them, then ${command(`release ${view.run} why`)} finishes or lifts them.`;
  if (ended && holds.length > 0)
    return `nothing at once. What is in force stays until it is released: ${command(`release ${view.run} why`)}`;
  return endings[view.state] ?? 'nothing; it goes on by itself.';
}

function askLine(ask: AskView): string {
  const lapsed = lapsedLine(ask);
  return `${gateState(ask)} approved at gate ${code(ask.about.gate, 60)}, waiting for ${names(ask.spec.from, ' or ')} until ${moment(ask.deadline)}${lapsed === undefined ? '' : `. ${lapsed}`}`;
}

/** What somebody is to do or decide, and the words that say it. */
function taskLine({ run }: RunView, { kind, step, what, who, evidence, choices = {} }: TaskView): string {
  const head = `${names(who, ' or ')}: ${prose(what, 300)}`;
  if (kind === 'manual') {
    const write = evidence === undefined ? 'it is done' : bare(evidence, 100);
    return `${head} Then ${command(`confirm ${run} step=${step} ${write}`)}`;
  }
  const offered = Object.entries(choices).map(
    ([choice, means]) => `${prose(means, 100)}: ${command(`choose ${run} ${choice} step=${step}`)}`,
  );
  return `${head} ${offered.join('; ')}`;
}

const endings: Partial<Record<RunState, string>> = {
  done: 'nothing.',
  failed: 'look at what failed, then launch again or ask for help; what is in force stays.',
  cancelled: 'nothing; it was cancelled, and what is in force stays.',
  refused: 'mend what the refusal says and launch again; nothing was done.',
};

function steps(view: RunView): string {
  const lines = view.steps.map(
    (step) => `${marks[step.state]} ${code(step.id, 60)} ${prose(step.unit, 80)} · ${stepOutcome(step)}`,
  );
  return bounded(
    lines,
    { lines: stepsShown, characters: 2_400 },
    (left) => `… and ${left} more: \`firebreak status ${view.run}\``,
  );
}

function planned(view: RunView, plan: CardFacts['plan']): KnownBlock[] {
  const changes = toChange(plan).map(({ change }) => change);
  const remarks = planRemarks(plan);
  return [
    section([
      changes.length === 0 ? 'Nothing would be changed.' : `*Would change* ${kinds(changes)}:`,
      changeLines(plan, view.run, 5),
      remarks === undefined ? undefined : `_${remarks}_`,
      `Nothing was changed by planning. To do it: ${code(relaunch(view), 500)}`,
    ]),
  ];
}

/** The command that launches what was planned. */
function relaunch({ runbook, inputs }: Pick<RunView, 'runbook' | 'inputs'>): string {
  const fields = Object.entries(inputs as JsonObject).map(([key, value]) => ({
    key,
    value: Array.isArray(value)
      ? value.map(String).join(',')
      : String(typeof value === 'object' ? JSON.stringify(value) : value),
  }));
  return `/firebreak ${commandOf(`run ${runbook}`, fields)}`;
}

function inForce(view: RunView, holds: Hold[]): string | undefined {
  const open = holds.filter(({ state }) => state !== 'closed');
  if (open.length === 0) return undefined;
  const firm = open.filter((hold) => standingOf(hold).is === 'in force');
  const releasing = open.filter(({ state }) => state === 'releasing').length;
  const more = (left: number) => `… and ${left} more: \`firebreak holds ${view.run}\``;
  const listed = (is: Standing['is'], heading: string): string | undefined => {
    const lines = open
      .filter((hold) => standingOf(hold).is === is)
      .map(
        (hold) => `• ${code(`${targetKey(hold.target)}#${hold.aspect}`, 160)} ${saysStanding(hold, [view], moment)}`,
      );
    return lines.length === 0
      ? undefined
      : `${heading}\n${bounded(lines, { lines: unknownShown, characters: 900 }, more)}`;
  };
  return [
    firm.length === 0 ? undefined : `*In force:* ${kinds(firm)}`,
    releasing === 0 ? undefined : `*Being released:* ${releasing}`,
    listed('not as held', '*Not as held:* somebody changed it, and it was not put back'),
    listed('unknown', '*Unknown:* intended, and never seen to be in force'),
  ]
    .filter((line) => line !== undefined)
    .join('\n');
}

function exceptions(view: RunView): string | undefined {
  const lines = view.steps.flatMap((step) =>
    step.exceptions.map(
      ({ key, status, message }) =>
        `• ${code(step.id, 60)} ${code(key, 100)} ${prose(status, 20)}: ${prose(message, 200)}`,
    ),
  );
  if (lines.length === 0) return undefined;
  return `*Look at these:*\n${bounded(lines, { lines: exceptionsShown, characters: 1_300 }, (left) => `… and ${left} more: \`firebreak status ${view.run}\``)}`;
}

/** The latest of what was refused, seen and noted; all of it is in the timeline. */
function recent(view: RunView): string | undefined {
  const all = [
    ...view.refusals.map(({ at, by, verb, reason }) => ({
      at,
      text: `${prose(by, 60)}: ${prose(verb, 20)} was refused. ${prose(reason, 150)}`,
    })),
    ...view.watch.map(({ at, text, action }) => ({ at, text: prose(text === '' ? action : text, 150) })),
    ...view.notes.map(({ at, by, text }) => ({ at, text: `${prose(by, 60)} noted: ${prose(text, 150)}` })),
  ].toSorted((a, b) => b.at.localeCompare(a.at));
  if (all.length === 0) return undefined;
  const lines = all.map(({ at, text }) => `• ${moment(at)} ${text}`);
  return `*Lately:*\n${bounded(lines, { lines: recentShown, characters: 900 }, (left) => `… and ${left} earlier: \`firebreak status ${view.run}\``)}`;
}

function optional(text: string | undefined): KnownBlock[] {
  return text === undefined ? [] : [section([text])];
}
