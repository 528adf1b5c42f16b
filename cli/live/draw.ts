/**
 * A run as one picture in a terminal: its steps with how far each has come, what is in force, and at the bottom, where the
 * eyes are, what a person must do next. Pure: what is known goes in, lines come out, none of more characters than the terminal has
 * columns, and no more lines than fit; where there is room for little, the bottom stays.
 */
import type { Hold } from '../../core/hold.js';
import type { RunView, StepView } from '../../core/run-view.js';
import { hasEnded } from '../run-facts.js';
import { nextStep } from '../next-step.js';
import { oneLine } from '../visible.js';
import type { Progress, StepProgress } from './progress.js';

export interface Picture {
  view: RunView;
  progress: Progress;
  holds: Hold[];
  nowMs: number;
  columns: number;
  rows: number;
  /** Since when the gateway cannot be reached, in milliseconds since 1970. */
  awaySinceMs?: number | undefined;
  paint: Paint;
}

/** Colours, or the same text where there are none. */
export type Paint = (what: 'good' | 'bad' | 'asks' | 'dim' | 'strong', text: string) => string;

const marks: Record<StepView['state'], string> = {
  waiting: '·',
  running: '▶',
  done: '✓',
  partial: '!',
  failed: '✗',
  skipped: '–',
  unknown: '?',
};

const barWidth = 20;
/** Names of changes that are under way or have failed; more are counted. */
const namedMax = 4;
/** Rows for what comes next, at the most. */
const nextMax = 6;

export function draw({ view, progress, holds, nowMs, columns, rows, awaySinceMs, paint }: Picture): string[] {
  const cut = (text: string) => (text.length > columns ? `${text.slice(0, Math.max(columns - 1, 1))}…` : text);
  const plain = (text: string) => cut(oneLine(text));
  const head = [
    paint('strong', plain(`${view.run}  ${view.runbook}  ${stateOf(view)}  ${elapsed(view, nowMs)}`)),
    paint('dim', plain(`${view.environment}, asked for by ${view.requester}${ownerOf(view)}${reasonOf(view)}`)),
    '',
  ];
  const away =
    awaySinceMs === undefined
      ? []
      : [
          paint(
            'bad',
            plain(`The gateway is not reached for ${seconds(nowMs - awaySinceMs)}; the run itself goes on.`),
          ),
        ];
  const inForce = holds.filter(({ state }) => state !== 'closed').length;
  const foot = [
    '',
    ...(inForce === 0 ? [] : [plain(`${inForce} in force`)]),
    ...away,
    ...wrapped(`Next: ${oneLine(nextStep(view, holds))}`, columns, nextMax).map((line) =>
      paint(waits(view) ? 'asks' : 'strong', line),
    ),
  ];
  const room = Math.max(rows - head.length - foot.length - 1, 1);
  const steps = view.steps.map((step) => linesOf(step, progress.get(step.id), plain, paint));
  const all = [...head, ...fitted(steps, view.steps, room, plain, paint), ...foot];
  return all.slice(-Math.max(rows - 1, 1));
}

function waits({ state, asks, tasks }: RunView): boolean {
  return state === 'needs a person' || tasks.length > 0 || asks.some((ask) => ask.state === 'asking');
}

function linesOf(
  step: StepView,
  at: StepProgress | undefined,
  plain: (text: string) => string,
  paint: Paint,
): string[] {
  const colour = { done: 'good', partial: 'bad', failed: 'bad', unknown: 'bad', running: 'strong' } as const;
  const state = step.state as keyof typeof colour;
  const line = plain(`${marks[step.state]} ${step.id}${comeTo(step, at)}`);
  const first = state in colour ? paint(colour[state], line) : paint('dim', line);
  if (step.state !== 'running' || at === undefined) return [first];
  return [
    first,
    ...named('under way', [...at.underWay]).map((text) => paint('dim', plain(text))),
    ...named('failed', [...at.bad]).map((text) => paint('bad', plain(text))),
  ];
}

/** `  ████████░░░░░░░░░░░░  37 of 200, 2 failed` while it runs, the counts when it has ended. */
function comeTo({ state, plan, counts, by, choice }: StepView, at: StepProgress | undefined): string {
  if (state === 'running' && at !== undefined) {
    const [good, bad] = [at.good.size, at.bad.size];
    const all = Math.max((plan?.toChange ?? 0) + (plan?.already ?? 0), good + bad + at.underWay.size);
    const filled = all === 0 ? 0 : Math.floor((barWidth * (good + bad)) / all);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
    return `  ${bar}  ${good + bad} of ${all}${bad === 0 ? '' : `, ${bad} failed`}`;
  }
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  const said = [choice, by === undefined ? undefined : `by ${by}`].filter((word) => word !== undefined);
  const words = [...told.map(([name, count]) => `${count} ${name}`), ...said];
  return words.length === 0 ? '' : `  ${words.join(', ')}`;
}

function named(what: string, names: string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > namedMax ? `, and ${names.length - namedMax} more` : '';
  return [`    ${what}: ${names.slice(0, namedMax).join(', ')}${more}`];
}

/** Where there are more rows than there is room, steps that have ended well and those far ahead are counted, not shown. */
function fitted(
  lines: string[][],
  steps: StepView[],
  room: number,
  plain: (text: string) => string,
  paint: Paint,
): string[] {
  if (lines.flat().length <= room) return lines.flat();
  const current = steps.findIndex(({ state }) => state !== 'done' && state !== 'skipped');
  const from = Math.max(current === -1 ? steps.length - 1 : current, 0);
  const shown: string[] = [];
  let to = from;
  // Two rows are kept for what is left out before and after.
  while (to < lines.length && shown.length + (lines[to]?.length ?? 0) <= Math.max(room - 2, 1))
    shown.push(...(lines[to++] ?? []));
  if (to === from) shown.push(...(lines[to++] ?? []).slice(0, 1));
  const before = from === 0 ? [] : [paint('dim', plain(`✓ ${from} steps before`))];
  const after = to === lines.length ? [] : [paint('dim', plain(`· ${lines.length - to} steps to come`))];
  return [...before, ...shown, ...after];
}

function stateOf({ state, paused }: RunView): string {
  return paused === undefined ? state : `paused until ${paused.until.slice(11, 16)} UTC`;
}

function ownerOf({ owner, requester }: RunView): string {
  return owner === requester ? '' : `, owned by ${owner}`;
}

function reasonOf({ reason }: RunView): string {
  return reason === undefined ? '' : `: ${reason}`;
}

function elapsed(view: RunView, nowMs: number): string {
  const toMs = hasEnded(view) ? Date.parse(view.endedAt ?? view.lastEventAt) : nowMs;
  return seconds(toMs - Date.parse(view.launchedAt));
}

/** `42 s`, `3 min 05 s`, `2 h 10 min`. */
function seconds(ms: number): string {
  const all = Math.max(Math.floor(ms / 1000), 0);
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return minutes > 0 ? `${minutes} min ${String(rest).padStart(2, '0')} s` : `${rest} s`;
}

/** By words; a word longer than a line, such as a command, is broken where it must be. */
function wrapped(text: string, columns: number, most: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '';
    }
    for (; word.length > columns; word = word.slice(columns)) lines.push(word.slice(0, columns));
    line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.length <= most
    ? lines
    : [...lines.slice(0, most - 1), `${(lines[most - 1] ?? '').slice(0, columns - 1)}…`];
}
