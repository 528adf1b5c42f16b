/**
 * An incident as a report: who did what, when, who agreed to exactly what, what was changed and how that was shown, what remains
 * in force. It is for reading; what can be verified is the timeline (`exportJsonl`), which it names at its end.
 */
import type { Outcome } from '../../core/change.js';
import type { Event } from '../../core/event.js';
import type { Hold } from '../../core/hold.js';
import type { Iso } from '../../core/json.js';
import { type RunView, viewRun } from '../../core/run-view.js';
import type { EvidenceItem, Store } from '../store.js';
import { answers, approvals, changes, evidence, gates, inForce, notes, refusals, runs, timeline } from './sections.js';
import { code, plain, utc } from './markdown.js';

/** What the journal holds beside the events of a chain. */
export interface ReportRecord {
  /** By run, in the order of the runs. */
  outcomes: Record<string, (Outcome & { step: string })[]>;
  /** Holds that come from the incident or are held for it, closed ones, too. */
  holds: Hold[];
  evidence: EvidenceItem[];
  exportedAt: Iso;
  /** What effects were shown on, by system: `real`, `emulator`. */
  shownOn?: Record<string, string>;
}

/** Everything that a report of the chain needs and its events do not hold. */
export async function gatherRecord(
  store: Store,
  chain: string,
  shownOn: Record<string, string> = {},
): Promise<ReportRecord> {
  const known = (await store.runs({ incident: chain })).map(({ run }) => run).toReversed();
  const outcomes = await Promise.all(known.map(async (run) => [run, await store.outcomes(run)] as const));
  const items = await Promise.all(known.map((run) => store.evidence({ run })));
  return {
    outcomes: Object.fromEntries(outcomes),
    holds: await store.holds({ incident: chain, state: 'any' }),
    evidence: items.flat(),
    exportedAt: new Date().toISOString(),
    shownOn,
  };
}

export function exportMarkdown(events: Event[], record: ReportRecord): string {
  const views = viewsOf(events);
  const [first] = events;
  const last = events.at(-1);
  const chain = first?.chain ?? 'nothing';
  const parts: [string, string][] = [
    ['Summary', summary(chain, events, views, record)],
    ['Runs', runs(views)],
    ['Approvals', approvals(events)],
    ['Gates', gates(views)],
    ['Done and decided by people', answers(events)],
    ['Changes', changes(record)],
    ['What remains in force', inForce(record.holds)],
    ['Evidence', evidence(record.evidence)],
    ['Refusals', refusals(events)],
    ['Notes', notes(events)],
    ['Timeline', timeline(events)],
    ['How to verify', howToVerify(chain, last)],
  ];
  return [`# Incident ${plain(chain)}\n`, ...parts.map(([title, body]) => `## ${title}\n\n${body}`)].join('\n');
}

/** Runs in the order in which they were launched. */
function viewsOf(events: Event[]): RunView[] {
  const byRun = group(events);
  return [...byRun].flatMap(([run, own]) => (run === undefined ? [] : (viewRun(own) ?? [])));
}

function group(events: Event[]): Map<string | undefined, Event[]> {
  const byRun = new Map<string | undefined, Event[]>();
  for (const event of events) {
    const own = byRun.get(event.run);
    if (own === undefined) byRun.set(event.run, [event]);
    else own.push(event);
  }
  return byRun;
}

function summary(chain: string, events: Event[], views: RunView[], record: ReportRecord): string {
  const open = record.holds.filter(({ state }) => state !== 'closed').length;
  const people = [...new Set(events.flatMap(({ statement }) => (statement === undefined ? [] : [statement.by])))];
  const nominal = views.some(({ separation }) => separation === 'nominal');
  const lines = [
    `- **Incident** ${code(chain)}`,
    `- **From** ${utc(events[0]?.occurredAt)} **to** ${utc(events.at(-1)?.occurredAt)} UTC`,
    `- **Runs** ${views.map((view) => `${code(view.run)} ${plain(view.runbook)} (${plain(view.verb)}): ${plain(view.state)}`).join('; ') || 'none'}`,
    `- **People** ${people.map(plain).join(', ') || 'nobody spoke'}`,
    `- **In force now** ${open === 0 ? 'nothing' : `${open} ${open === 1 ? 'hold' : 'holds'}, listed below`}`,
    `- **Separation of duties** ${nominal ? 'nominal: the keys of all services lay on one machine' : 'real'}`,
    `- **Exported** ${utc(record.exportedAt)} UTC, ${events.length} events`,
  ];
  return `${lines.join('\n')}\n`;
}

function howToVerify(chain: string, last: Event | undefined): string {
  const file = `${chain.replaceAll(/[^A-Za-z0-9-]/g, '_')}.jsonl`;
  return [
    'This report is for reading. What it says can be checked against the signed timeline of the same incident, without Firebreak,',
    'its database or a network; the format is in `docs/timeline-format.md`.',
    '',
    '```sh',
    `firebreak timeline export ${chain.replaceAll(/[^A-Za-z0-9-]/g, '_')} --out ${file}`,
    `firebreak timeline verify ${file}`,
    '```',
    '',
    `The chain ends with event ${last?.seq ?? 0}, hash ${code(last?.hash ?? 'none')}. Compare it with the head posted in the incident's channel.`,
    'Compare the fingerprints that `verify` prints with those of the keys in `people.yaml`.',
    '',
  ].join('\n');
}
