/**
 * A run or an incident in at most ten lines, for whoever takes over: what is done, what is in force and what is not known to
 * be, who is waited for and until when, what comes next, whose it is. Facts first; the lines are made of nothing else.
 */
import { formatDuration } from '../core/duration.js';
import { type Hold, type Standing, standingOf } from '../core/hold.js';
import type { AskView, RunView, StepView } from '../core/run-view.js';
import { nextStep } from './next-step.js';
import { awaited, hasEnded } from './run-facts.js';
import { oneLine } from './visible.js';

/** Characters of one line: two rows of a terminal, one message in a chat. */
const lineMax = 160;

export interface Brief {
  of: string;
  state: string;
  owners: string[];
  /** Steps that have ended, with what came of them. */
  done: string[];
  /** Targets that are not as wanted, and why. */
  trouble: string[];
  /** Sides of targets by what holds them so: `4 network-interface groups since 14:05Z`. */
  inForce: string[];
  /** Begun and not read back: nobody knows. */
  unknown: string[];
  waitsFor: string[];
  comesNext: string[];
  next: string;
  lines: string[];
}

export function briefOfRun(view: RunView, holds: Hold[], nowMs: number): Brief {
  const { run, runbook, environment, state, endedAt, incident } = view;
  const facts = {
    of: run,
    state: `${state}${endedAt === undefined ? '' : ` since ${clock(endedAt, nowMs)}`}`,
    owners: ownersOf([view], holds),
    done: doneIn(view),
    trouble: [...changed(holds, nowMs), ...troubleIn(view)],
    inForce: inForce(holds, nowMs),
    unknown: unknown(holds, nowMs),
    waitsFor: waitsFor(view, nowMs),
    comesNext: view.steps.filter((step) => !isOver(step) && !hasEnded(view)).map(({ id }) => id),
    next: nextStep(view, holds),
  };
  const head = `${run}  ${view.verb === 'plan' ? 'plan of ' : ''}${runbook} in ${environment}, ${incident}: ${facts.state}`;
  return { ...facts, lines: linesOf(head, facts, startOf(view, 'launched', nowMs)) };
}

/** All runs of an incident together; the runs that wait or go on are told first. */
export function briefOfIncident(incident: string, views: RunView[], holds: Hold[], nowMs: number): Brief {
  const open = views.filter((view) => !hasEnded(view));
  const facts = {
    of: incident,
    state: `${count(views.length, 'run')}, ${open.length === 0 ? 'all ended' : `${open.length} not ended`}`,
    owners: ownersOf(views, holds),
    done: views.filter(hasEnded).map((view) => `${view.run} ${view.runbook} ${view.state}`),
    trouble: [
      ...changed(holds, nowMs),
      ...views.flatMap((view) => troubleIn(view).map((each) => `${view.run} ${each}`)),
    ],
    inForce: inForce(holds, nowMs),
    unknown: unknown(holds, nowMs),
    waitsFor: open.flatMap((view) => waitsFor(view, nowMs).map((each) => `${view.run}: ${each}`)),
    comesNext: open.map(({ run, runbook, state }) => `${run} ${runbook} ${state}`),
    next: nextOf(incident, open, holds),
  };
  const [first] = views.toSorted((a, b) => a.launchedAt.localeCompare(b.launchedAt));
  const start = first === undefined ? undefined : startOf(first, 'opened', nowMs);
  return { ...facts, lines: linesOf(`${incident}  ${facts.state}`, facts, start) };
}

interface Start {
  by: string;
  /** `launched it 14:04Z: beacon to 203.0.113.7` */
  how: string;
}

function startOf({ requester, launchedAt, reason }: RunView, how: string, nowMs: number): Start {
  return {
    by: requester,
    how: `${how} it ${clock(launchedAt, nowMs)}${reason === undefined ? '' : `: ${oneLine(reason)}`}`,
  };
}

function nextOf(incident: string, open: RunView[], holds: Hold[]): string {
  const changedFor = holds.filter(isChanged).flatMap(({ holders }) => holders.map(({ run }) => run));
  const runs = new Set([...open.map(({ run }) => run), ...changedFor]);
  if (runs.size > 0) return `firebreak brief ${[...runs].join(', or ')}`;
  return holds.length === 0
    ? 'Nothing; nothing of it is in force.'
    : `when the incident is over: firebreak release ${incident} --reason TEXT`;
}

function linesOf(head: string, facts: Omit<Brief, 'lines'>, start: Start | undefined): string[] {
  const { owners, done, trouble, inForce: held, unknown: unsure, waitsFor: waits, comesNext, next } = facts;
  return [
    head,
    line('Owner', ownerLine(owners, start)),
    line('Done', listed(done, 'nothing yet')),
    ...(trouble.length === 0
      ? []
      : [line('Trouble', `${trouble.length > 1 ? `${trouble.length}: ` : ''}${listed(trouble, '')}`)]),
    line('In force', listed(held, 'nothing')),
    ...(unsure.length === 0 ? [] : [line('Not known', `${listed(unsure, '')}; begun, and not read back`)]),
    ...someOf(waits, 2).map((each) => line('Waits for', each)),
    ...(comesNext.length === 0 ? [] : [line('To come', comesNext.join(', '))]),
    line('Next', next, nextMax),
  ];
}

function ownerLine(owners: string[], start: Start | undefined): string {
  if (start === undefined) return owners.join(', ');
  const [owner] = owners;
  return owners.length === 1 && owner === start.by
    ? `${owner}, who ${start.how}`
    : `${owners.join(', ')}; ${start.by} ${start.how}`;
}

/** A command that is cut cannot be typed. */
const nextMax = 1_000;

function line(label: string, text: string, max = lineMax): string {
  const whole = `${label.padEnd(10)} ${text.replace(/\s+/g, ' ')}`;
  return whole.length > max ? `${whole.slice(0, max - 1)}…` : whole;
}

function listed(facts: string[], none: string): string {
  return facts.length === 0 ? none : facts.join('; ');
}

/** At most so many; the last says how many more there are. */
function someOf(facts: string[], max: number): string[] {
  return facts.length <= max ? facts : [...facts.slice(0, max - 1), `and ${facts.length - max + 1} more`];
}

/** The owner of a containment is who asked for it, until it is handed over; where others hold the same, it is theirs too. */
function ownersOf(views: RunView[], holds: Hold[]): string[] {
  const others = holds.flatMap(({ holders }) => holders.filter(({ run }) => !views.some((view) => view.run === run)));
  return [...new Set([...views.map(({ owner }) => owner), ...others.map(({ requester }) => requester)])];
}

function isOver({ state }: StepView): boolean {
  return state !== 'waiting' && state !== 'running' && state !== 'unknown';
}

function doneIn({ steps }: RunView): string[] {
  return steps.filter(isOver).map(({ id, state, counts, by, choice }) => {
    const told = Object.entries(counts).filter(([, many]) => many > 0);
    if (by !== undefined) return `${id} ${choice ?? state} by ${by}`;
    return `${id} ${state}${told.length === 0 ? '' : ` (${told.map(([name, many]) => `${many} ${name}`).join(', ')})`}`;
  });
}

function troubleIn({ state, says, refusals, steps }: RunView): string[] {
  const refused = state === 'refused' ? [`refused: ${refusals.at(-1)?.reason ?? 'its timeline says why'}`] : [];
  const ended = says === undefined ? [] : [says];
  const lost = steps
    .filter((step) => step.state === 'unknown')
    .map(({ id }) => `${id} had begun; nobody knows how far it came`);
  const targets = steps.flatMap(({ id, exceptions }) =>
    exceptions.map(({ key, status, message }) => `${id}, ${key} ${status}: ${message}`),
  );
  return [...refused, ...ended, ...lost, ...targets];
}

function inForce(holds: Hold[], nowMs: number): string[] {
  return grouped(
    holds.filter((hold) => standingOf(hold).is !== 'unknown' && !isChanged(hold)),
    nowMs,
  );
}

/** Held, and changed by somebody: whoever takes over must not read that it is in force. */
function changed(holds: Hold[], nowMs: number): string[] {
  return grouped(holds.filter(isChanged), nowMs);
}

function isChanged(hold: Hold): boolean {
  return standingOf(hold).is === 'not as held';
}

function unknown(holds: Hold[], nowMs: number): string[] {
  return grouped(
    holds.filter((hold) => standingOf(hold).is === 'unknown'),
    nowMs,
  );
}

function grouped(holds: Hold[], nowMs: number): string[] {
  const groups = new Map<string, Hold[]>();
  for (const hold of holds) groups.set(kindOf(hold), [...(groups.get(kindOf(hold)) ?? []), hold]);
  return [...groups].map(([kind, of]) => {
    const first = of.map((hold) => standingOf(hold).since).toSorted()[0] ?? '';
    const where = of.length === 1 ? ` (${of[0]?.target.id ?? ''})` : '';
    return `${of.length} ${kind}${where} since ${clock(first, nowMs)}`;
  });
}

function kindOf(hold: Hold): string {
  const how: Partial<Record<Standing['is'], string>> = { releasing: ' being released', 'not as held': ' not as held' };
  return `${hold.target.type} ${hold.aspect}${how[standingOf(hold).is] ?? ''}`;
}

function waitsFor(view: RunView, nowMs: number): string[] {
  const asking = view.asks.filter(({ state }) => state === 'asking');
  return [
    ...(view.paused === undefined
      ? []
      : [`the end of a pause at ${clock(view.paused.until, nowMs)}, by ${view.paused.by}`]),
    ...view.waiting.map(({ why, step }) => `a person${step === undefined ? '' : ` at ${step}`}: ${why}`),
    ...asking.map((ask) => waitsAt(ask, nowMs)),
    ...view.tasks.map(
      ({ step, who, what, askedAt }) => `${who.join(', ')} at ${step} since ${clock(askedAt, nowMs)}: ${what}`,
    ),
  ];
}

function waitsAt(ask: AskView, nowMs: number): string {
  const { missing, agreed } = awaited(ask);
  const { from } = ask.spec;
  const others = ask.excluded.length === 0 ? '' : `, not ${ask.excluded.join(', ')}`;
  const said = agreed.length === 0 ? '' : `; ${agreed.join(', ')} agreed`;
  return `${missing} more of ${from.join(', ')}${others}, at gate ${ask.about.gate} ${until(ask, nowMs)}${said}`;
}

/** A containment goes on asking after its time, and pages; everything else is denied by then. */
function until({ deadline, containing }: AskView, nowMs: number): string {
  const leftMs = Date.parse(deadline) - nowMs;
  const time = clock(deadline, nowMs);
  if (leftMs > 0) return `until ${time} (${rounded(leftMs)} left)`;
  return `since its time was up at ${time}${containing ? ', and goes on asking' : ''}`;
}

function rounded(ms: number): string {
  return formatDuration(ms < 60_000 ? Math.ceil(ms / 1000) * 1000 : Math.floor(ms / 60_000) * 60_000);
}

/** `14:05Z` today, `2026-11-22 14:05Z` on any other day. */
function clock(iso: string, nowMs: number): string {
  const day = iso.slice(0, 10);
  const time = `${iso.slice(11, 16)}Z`;
  return day === new Date(nowMs).toISOString().slice(0, 10) ? time : `${day} ${time}`;
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}
