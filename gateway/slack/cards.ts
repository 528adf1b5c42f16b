/**
 * The cards of a run, and what they are made of. Pure: what is shown follows from the view and the plan alone, moments are
 * absolute and shown in the reader's time zone, so that a card changes only when the journal does.
 */
import type { ContextBlock, HeaderBlock, KnownBlock, SectionBlock } from '@slack/web-api';
import { targetKey } from '../../core/change.js';
import type { Hold } from '../../core/hold.js';
import type { Digest } from '../../core/json.js';
import { plain } from '../../core/plain.js';
import type { PlannedChange } from '../../core/plan.js';
import { ofItem, placeOf } from '../../core/reach.js';
import type { AskView, RunView } from '../../core/run-view.js';
import { differences, differs, type ShownChange } from '../../core/shown-change.js';
import type { PlanAnswer } from '../api.js';
import { toChange } from '../lines.js';
import { bare, bounded, code, moment, names, prose } from './mrkdwn.js';
import { slashCommand } from './parse.js';

/** A message: `text` is what notifications and screen readers get, in which mentions work like in any other text. */
export interface CardContent {
  text: string;
  blocks: KnownBlock[];
}

/** What a card may need beside the run's view. */
export interface CardFacts {
  view: RunView;
  plan: PlanAnswer;
  holds: Hold[];
}

/** Names a card for good; `key` is also its metadata in Slack, by which it is found again. */
export type CardName =
  | { kind: 'status'; key: string; run: string }
  | { kind: 'ask'; key: string; run: string; ask: string };

/** Every card that the run has had so far. */
export function cardsOf({ run, asks }: RunView): CardName[] {
  return [statusCardName(run), ...asks.map(({ id }) => askCardName(run, id))];
}

function statusCardName(run: string): CardName {
  return { kind: 'status', key: `status:${run}`, run };
}

/** Ids of asks are those of the run: two runs that ask at gates of one name have a card each. */
export function askCardName(run: string, ask: string): CardName {
  return { kind: 'ask', key: `ask:${run}/${ask}`, run, ask };
}

const headerMax = 150;

export function header(text: string): HeaderBlock {
  return { type: 'header', text: { type: 'plain_text', text: bare(text, headerMax), emoji: false } };
}

/** `verbatim`: Slack must not turn names into mentions or addresses into links. */
export function section(lines: (string | undefined)[]): SectionBlock {
  return { type: 'section', text: { type: 'mrkdwn', text: joined(lines), verbatim: true } };
}

export function context(lines: (string | undefined)[]): ContextBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: joined(lines), verbatim: true }] };
}

function joined(lines: (string | undefined)[]): string {
  return lines.filter((line) => line !== undefined && line !== '').join('\n');
}

/** Where the run acts; anything but production is named so that nobody takes a drill for the real thing, or the reverse. */
export function where(view: RunView): string {
  return view.environment === 'production' ? 'PRODUCTION' : `${view.environment} (not production)`;
}

export function titleOf(view: RunView): string {
  return view.verb === 'launch' || view.verb === 'plan' ? view.runbook : `${view.verb} (${view.runbook})`;
}

/** `12 network-interface, 1 security-group`: targets that would change, each counted once. */
export function kinds(changes: Pick<PlannedChange, 'target'>[]): string {
  const ids = new Map<string, Set<string>>();
  for (const { target } of changes) ids.set(target.type, (ids.get(target.type) ?? new Set()).add(targetKey(target)));
  return (
    [...ids]
      .map(([type, of]) => `${of.size} ${prose(of.size === 1 || type.endsWith('s') ? type : `${type}s`, 60)}`)
      .slice(0, kindsMax)
      .join(', ') + (ids.size > kindsMax ? ` and ${ids.size - kindsMax} more kinds` : '')
  );
}

/** More kinds than this in one step is not something to read on a card. */
const kindsMax = 6;

/**
 * The first changes, before → after, and how many more there are and where. Those that are otherwise than people take for
 * granted are counted and come first, as many as fit.
 */
export function changeLines(plan: PlanAnswer, run: string, most: number): string {
  const changes = toChange(plan).map(({ change }) => change);
  const several = new Set(changes.map(({ target }) => placeOf(target))).size > 1;
  const otherwise = changes.filter(differs).length;
  const lines = changes.map((change) => `• ${briefly(change, several)}`);
  const shown = bounded(
    lines,
    { lines: Math.max(most, otherwise), characters: changesMax },
    (left) => `… and ${left} more: ${allChanges(run)}`,
  );
  return otherwise === 0 ? shown : `*Look closely: ${otherwise} of ${changes.length} differ* and come first.\n${shown}`;
}

/** A change on a phone: the target and as much of each state as fits in a few lines. */
const changeMax = 380;
const differenceMax = 160;
const changesMax = 1_900;

/** `eni-0ab1 (instance i-0ab1) groups: sg-0web → tag:firebreak-quarantine`, with its place where there are several. */
function briefly(change: ShownChange, several: boolean): string {
  const { target, aspect, before, after } = change;
  const place = several ? `${placeOf(target)} ` : '';
  return [
    code(`${place}${target.id}${ofItem(change)} ${aspect}: ${plain(before)} → ${plain(after)}`, changeMax),
    ...differences(change).map(({ says, value }) => `*${says}:* ${code(plain(value), differenceMax)}`),
  ].join(' ');
}

/** What prints the whole plan, where a card cannot. */
export function allChanges(run: string): string {
  return `\`firebreak status ${run} --changes\``;
}

/** What the plan found besides: nothing to do, not plannable, left to others. */
export function planRemarks({ steps }: PlanAnswer): string | undefined {
  const changes = steps.flatMap((step) => step.changes);
  const already = changes.filter(({ standing }) => standing === 'already').length;
  const leave = changes.filter(({ standing }) => standing === 'leave').length;
  const failed = steps.flatMap((step) => step.failed);
  const remarks = [
    already > 0 ? `${already} already as wanted` : undefined,
    leave > 0 ? `${leave} stay, because others hold them too` : undefined,
    failed.length > 0 ? `${failed.length} could not be planned: ${prose(failed[0]?.message ?? '', 200)}` : undefined,
  ].filter((remark) => remark !== undefined);
  return remarks.length === 0 ? undefined : remarks.join(' · ');
}

export function shortDigest(digest: Digest): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}

/** Who asked for it and why, in that person's words. */
export function askedBy({ requester, reason }: Pick<RunView, 'requester'> & { reason?: string }): string {
  return `*Asked by* ${prose(requester, 60)}: ${reason === undefined ? '(no reason given)' : prose(reason)}`;
}

export const nominal =
  'Separation of duties is nominal here: all keys lie on one machine, and whoever holds that machine can speak as anyone.';

export function gateState(ask: AskView): string {
  const approvals = whoStandsBy(ask, 'approve');
  const by = approvals.length === 0 ? '' : ` (${names(approvals, ', ')})`;
  return `${approvals.length} of ${ask.spec.need}${by}`;
}

/** `bob, good until 04:12`: an approval that is not carried out by then must be given again. */
export function approvalsUntil({ decided }: AskView): string | undefined {
  const last = new Map(decided.map((each) => [each.by, each]));
  const until = [...last.values()].flatMap(({ by, verb, goodUntil }) =>
    verb === 'approve' && goodUntil !== undefined ? [`${prose(by, 60)}'s is good until ${moment(goodUntil)}`] : [],
  );
  return until.length === 0 ? undefined : bounded(until, { lines: decisionsShown, characters: 600 }, andMore);
}

/** Whose approval has grown too old, and has not been given again. */
export function lapsedLine({ decided, lapsed = [] }: AskView): string | undefined {
  const whose = [...new Set(lapsed.map(({ by }) => by))].filter((by) => !decided.some((each) => each.by === by));
  if (whose.length === 0) return undefined;
  return `*Too old by now:* what ${names(whose, ', ')} said. Nothing is carried out on it; it can be said again.`;
}

const decisionsShown = 6;
const andMore = (left: number): string => `… and ${left} more`;

/** Whose last word in this round is the verb. */
function whoStandsBy({ decided }: AskView, verb: string): string[] {
  const last = new Map(decided.map((each) => [each.by, each.verb]));
  return [...last].filter(([, said]) => said === verb).map(([by]) => by);
}

export function command(text: string): string {
  return code(`${slashCommand} ${text}`, 300);
}
