/** The tables of a report. Times are UTC; whatever people or systems supplied goes through `plain` or `code`. */
import { canonical } from '../../core/canonical.js';
import { type Outcome, targetKey } from '../../core/change.js';
import type { Event } from '../../core/event.js';
import type { StatementRuled } from '../../core/event-data.js';
import { type Hold, standingOf } from '../../core/hold.js';
import type { RunView } from '../../core/run-view.js';
import type { Statement } from '../../core/statement.js';
import type { EvidenceItem } from '../store.js';
import { code, plain, table, utc } from './markdown.js';
import type { ReportRecord } from './report.js';

export function runs(views: RunView[]): string {
  const rows = views.flatMap((view) => [
    [
      code(view.run),
      plain(view.verb),
      `${plain(view.runbook)} v${view.version} ${code(view.digest)}`,
      plain(view.environment),
      plain(view.requester),
      plain(view.reason ?? ''),
      utc(view.launchedAt),
      utc(view.endedAt),
      plain(view.needs === undefined ? view.state : `${view.state}: ${view.needs.why}`),
    ],
  ]);
  const columns = [
    'Run',
    'Verb',
    'Runbook',
    'Environment',
    'Requested by',
    'Reason',
    'Launched (UTC)',
    'Ended (UTC)',
    'State',
  ];
  return table(columns, rows, 'No run was launched.');
}

/** Every answer to a gate that counted, with the digest of exactly what it was about. */
export function approvals(events: Event[]): string {
  const rows = events.flatMap(({ action, statement }) => {
    if (action !== 'statement.counted' || statement?.about.kind !== 'gate') return [];
    const { gate, round, plan, run } = statement.about;
    return [
      [
        plain(statement.by),
        plain(statement.verb),
        utc(statement.at),
        `${plain(gate)} (round ${round}) of ${code(run)}`,
        code(plan),
        howProven(statement),
        plain(statement.reason ?? ''),
      ],
    ];
  });
  return table(
    ['Who', 'Said', 'When (UTC)', 'Gate', 'Plan digest', 'Proven by', 'Reason'],
    rows,
    'Nobody was asked, or nobody answered.',
  );
}

/** What people did by hand or decided, in their words. */
export function answers(events: Event[]): string {
  const asked = new Map<string, string>();
  const rows = events.flatMap(({ action, run = '', step = '', data, statement }) => {
    const name = `${run}/${step}`;
    const what = data?.['what'];
    if (action === 'step.asked' && typeof what === 'string') asked.set(name, what);
    if (action !== 'statement.counted' || statement?.about.kind !== 'run' || !asked.has(name)) return [];
    return [
      [
        plain(statement.by),
        utc(statement.at),
        `${code(run)} ${plain(step)}`,
        plain(asked.get(name) ?? ''),
        plain([statement.about.choice, statement.reason].filter((each) => each !== undefined).join(': ')),
        howProven(statement),
      ],
    ];
  });
  return table(
    ['Who', 'When (UTC)', 'Run and step', 'What was asked', 'What was said', 'Proven by'],
    rows,
    'Nothing was asked of people beside agreement.',
  );
}

export function gates(views: RunView[]): string {
  const rows = views.flatMap(({ run, asks }) =>
    asks.map(({ about, spec, excluded, openedAt, deadline, state, plans }) => [
      `${plain(about.gate)} (round ${about.round}) of ${code(run)}`,
      `${spec.need} of ${spec.from.map(plain).join(', ')}${spec.personalKeys > 0 ? `, ${spec.personalKeys} with a key of their own` : ''}`,
      excluded.map(plain).join(', '),
      plans
        .map(({ step, toChange, atMost }) => `${plain(step)}: ${atMost === undefined ? toChange : `up to ${atMost}`}`)
        .join(', '),
      utc(openedAt),
      utc(deadline),
      plain(state),
    ]),
  );
  const columns = ['Gate', 'Needs', 'Excluded', 'Changes asked for', 'Asked (UTC)', 'Deadline (UTC)', 'State'];
  return table(columns, rows, 'No gate asked.');
}

export function changes({ outcomes, shownOn = {} }: ReportRecord): string {
  const rows = Object.entries(outcomes).flatMap(([run, list]) =>
    list
      .toSorted(byEnd)
      .map((outcome) => [
        `${code(run)} ${plain(outcome.step)}`,
        code(targetKey(outcome.target)),
        `${value(outcome.before)} → ${value(outcome.after)}`,
        statusOf(outcome),
        `${plain(outcome.shown)} on ${plain(shownOn[outcome.target.system] ?? 'unstated')}`,
        utc(outcome.endedAt),
      ]),
  );
  return table(
    ['Run and step', 'Target', 'Before → after', 'Outcome', 'Shown', 'Ended (UTC)'],
    rows,
    'Nothing was changed.',
  );
}

function byEnd(a: { endedAt: string }, b: { endedAt: string }): number {
  return a.endedAt < b.endedAt ? -1 : a.endedAt > b.endedAt ? 1 : 0;
}

export function inForce(holds: Hold[]): string {
  const open = holds.filter(({ state }) => state !== 'closed');
  const rows = open.map((hold) => [
    code(hold.id),
    code(hold.key),
    value(hold.after),
    `${standingOf(hold).is} since ${utc(standingOf(hold).since)}`,
    hold.holders.map(({ run, requester }) => `${code(run)} (${plain(requester)})`).join(', '),
    value(hold.before),
  ]);
  return table(
    ['Hold', 'Target', 'Held as', 'State (UTC)', 'Held for', 'Release puts back'],
    rows,
    'Nothing remains in force.',
  );
}

export function evidence(items: EvidenceItem[]): string {
  const rows = items.map((item) => [
    plain(item.name),
    code(item.sha256),
    `${item.bytes}`,
    plain(item.mediaType),
    plain(item.method),
    value(item.item),
    `${code(item.run)} ${plain(item.step)}`,
    plain(item.collectedBy),
    utc(item.collectedAt),
  ]);
  const columns = [
    'Name',
    'SHA-256',
    'Bytes',
    'Type',
    'Method',
    'Of',
    'Run and step',
    'Collected by',
    'Collected (UTC)',
  ];
  return table(columns, rows, 'No evidence was collected.');
}

export function refusals(events: Event[]): string {
  const refused = new Set<string>(['statement.refused', 'run.refused', 'warrant.refused']);
  const rows = events.flatMap((event) => {
    if (!refused.has(event.action)) return [];
    const { verb, code: why = '', reason = '' } = (event.data ?? {}) as unknown as Partial<StatementRuled>;
    return [[utc(event.occurredAt), plain(event.actor), plain(verb ?? event.action), code(why), plain(reason)]];
  });
  return table(['When (UTC)', 'Who', 'Said', 'Code', 'Why it was refused'], rows, 'Nothing was refused.');
}

export function notes(events: Event[]): string {
  const rows = events
    .filter(({ action }) => action === 'note')
    .map((event) => [utc(event.occurredAt), plain(event.actor), plain(event.statement?.reason ?? '')]);
  return table(['When (UTC)', 'Who', 'Note'], rows, 'Nobody left a note.');
}

export function timeline(events: Event[]): string {
  const rows = events.map((event) => [
    `${event.seq}`,
    utc(event.occurredAt),
    plain(event.actor),
    plain(event.action),
    [event.run, event.step]
      .filter((each) => each !== undefined)
      .map(code)
      .join(' '),
    event.target === undefined ? '' : code(targetKey(event.target)),
    plain(event.outcome ?? saying(event)),
  ]);
  return table(['#', 'When (UTC)', 'Who', 'What', 'Run and step', 'Target', 'Said'], rows, 'Nothing is on record.');
}

function saying({ data, statement }: Event): string {
  const says = data?.['says'] ?? data?.['reason'] ?? statement?.reason;
  return typeof says === 'string' ? says : '';
}

function howProven({ proof }: Statement): string {
  switch (proof.kind) {
    case 'ssh':
      return `own SSH key ${code(proof.key)}`;
    case 'slack':
      return `Slack account ${code(proof.request.user)} of ${code(proof.request.team)}, attested by ${code(proof.key)}`;
    case 'hook':
      return `hook ${code(proof.request.hook)} (${proof.request.scheme}), alert ${code(proof.request.id)}, attested by ${code(proof.key)}`;
  }
}

function statusOf({ status, error, hold }: Outcome): string {
  const held = hold === undefined ? '' : ` (${code(hold)})`;
  return `${plain(status)}${held}${error === undefined ? '' : `: ${plain(error.message)}`}`;
}

function value(json: unknown): string {
  return json === undefined ? '' : code(canonical(json));
}
