/** What one gate asks: read in ten seconds on a phone, decided with a thumb. After the decision it says who decided and what came of it. */
import { createHash } from 'node:crypto';
import type { ActionsBlock, InputBlock, KnownBlock } from '@slack/web-api';
import { canonical } from '../../core/canonical.js';
import { requestName } from '../../core/request-name.js';
import { worst } from '../../core/risk.js';
import type { AskView, RunView, StepView } from '../../core/run-view.js';
import {
  approvalsUntil,
  askedBy,
  type CardContent,
  changeLines,
  context,
  gateState,
  header,
  kinds,
  lapsedLine,
  nominal,
  planRemarks,
  section,
  shortDigest,
  titleOf,
  where,
} from './cards.js';
import type { PlanAnswer } from '../api.js';
import { boundLines, signedFor, toChange } from '../lines.js';
import { bounded, code, moment, names, prose } from './mrkdwn.js';
import { reachSections } from './reach-sections.js';

export const approveAction = 'firebreak.approve';
export const denyAction = 'firebreak.deny';
export const reasonInput = 'reason';

/** What a button carries; a hint that is looked up again, never trusted. */
export interface ButtonValue {
  run: string;
  ask: string;
  nonce: string;
}

const changesShown = 5;
const stepsShown = 6;
const decisionsShown = 10;

export function askCard(view: RunView, ask: AskView, plan: PlanAnswer): CardContent {
  const title = titleLine(view, ask);
  const open = ask.state === 'asking';
  const first: KnownBlock[] = [
    header(title),
    section([
      whatLine(view, ask),
      `*Where:* ${prose(where(view), 80)}`,
      riskLine(ask, plan),
      askedBy(asker(view, ask)),
    ]),
  ];
  const last: KnownBlock[] = [
    ...whatWouldChange(view, ask, plan),
    section(open ? openLines(ask) : decidedLines(view, ask)),
    context([
      `Plan \`${shortDigest(ask.about.plan)}\` · ${code(view.run)} · round ${ask.about.round} of gate ${code(ask.about.gate, 60)}`,
      open ? `In a terminal: \`firebreak approve ${view.run}\` or \`firebreak deny ${view.run}\`` : undefined,
      view.separation === 'nominal' ? nominal : undefined,
    ]),
    ...(open ? [reasonBlock(ask), buttons(view, ask, plan)] : []),
  ];
  const blocks = [...first, ...reachSections(plan, view.run, [...first, ...last]), ...last];
  return { text: open ? `${prose(title)}: ${gateState(ask)} so far` : prose(title), blocks };
}

/** Changes with every decision, and when one lapses, so that a word taken back can be given again, and not between two clicks on one card. */
export function nonceOf(ask: AskView): string {
  return createHash('sha256')
    .update(canonical([ask.id, ask.about.plan, ask.decided.length, ask.lapsed?.length ?? 0]))
    .digest('hex')
    .slice(0, 32);
}

function titleLine(view: RunView, ask: AskView): string {
  const what =
    ask.allows === 'carry out' ? titleOf(view) : `${requestName(ask.allows, ask.request)} in ${titleOf(view)}`;
  switch (ask.state) {
    case 'asking':
      return `Approve? ${what}`;
    case 'passed':
      return `Approved: ${what}`;
    case 'denied':
      return `Denied: ${what}`;
    case 'expired':
      return `Ran out of time: ${what}`;
    case 'closed':
      return `No longer asked: ${what}`;
  }
}

function asker(view: RunView, ask: AskView): { requester: string; reason?: string } {
  const reason = ask.reason ?? view.reason;
  return { requester: ask.request?.by ?? view.requester, ...(reason === undefined ? {} : { reason }) };
}

function whatLine(view: RunView, ask: AskView): string {
  const what =
    ask.allows === 'carry out'
      ? prose(view.summary, 400)
      : `Allow ${code(requestName(ask.allows, ask.request), 100)} for this run.`;
  return `*What:* ${what}`;
}

function riskLine(ask: AskView, plan: PlanAnswer): string {
  const changes = toChange(plan).map(({ change }) => change);
  const toBeFound = plan.steps.reduce((sum, { bound }) => sum + (bound?.atMost ?? 0), 0);
  const found = toBeFound === 0 ? '' : `up to ${toBeFound} that are still to be found`;
  const count = [...(changes.length === 0 ? [] : [kinds(changes)]), found].filter((part) => part !== '').join(', ');
  const later = signedFor(plan).some(({ partsOpen }) => partsOpen) ? ', and parts that the items below get later' : '';
  return `*Targets:* ${count === '' ? 'nothing to change' : count}${later} · *Risk:* ${worst(ask.plans.map(({ risk }) => risk))}`;
}

function whatWouldChange(view: RunView, ask: AskView, plan: PlanAnswer): KnownBlock[] {
  if (ask.plans.length === 0) return [];
  const bounds = boundLines(plan).map((line) => `• ${prose(line, 300)}`);
  const lines = [...bounds, changeLines(plan, view.run, changesShown)].filter((line) => line !== '');
  const remarks = planRemarks(plan);
  return lines.length === 0 && remarks === undefined
    ? []
    : [section([...lines, remarks === undefined ? undefined : `_${remarks}_`])];
}

function openLines(ask: AskView): string[] {
  const { spec } = ask;
  const excluded = ask.excluded.length === 0 ? '' : `, but not ${names(ask.excluded, ', ')}`;
  const keys = spec.personalKeys > 0 ? ` ${spec.personalKeys} of them from a terminal, with a key of their own.` : '';
  const after = ask.containing
    ? 'Then people are paged again, and it goes on asking.'
    : 'Then it counts as denied, and nothing is done.';
  return [
    `*Needs ${spec.need}* of ${names(spec.from, ' or ')}${excluded}.${keys}`,
    `*So far:* ${gateState(ask)}`,
    ...optional(approvalsUntil(ask)),
    ...optional(lapsedLine(ask)),
    `*Until* ${moment(ask.deadline)}. ${after}`,
  ];
}

function optional(line: string | undefined): string[] {
  return line === undefined ? [] : [line];
}

function decidedLines(view: RunView, ask: AskView): string[] {
  const decisions = ask.decided.map(
    ({ by, verb, at, reason }) =>
      `• ${prose(by, 60)} said *${verb}* at ${moment(at)}${reason === undefined ? '' : `: ${prose(reason, 150)}`}`,
  );
  const steps = view.steps.filter(({ id }) => ask.plans.some(({ step }) => step === id));
  return [
    bounded(
      decisions,
      { lines: decisionsShown, characters: 1_400 },
      (left) => `… and ${left} more: \`firebreak status ${view.run}\``,
    ) || 'Nobody decided.',
    ask.state === 'passed' ? outcome(view, steps) : whyNothing(view, ask),
  ];
}

function whyNothing(view: RunView, ask: AskView): string {
  if (ask.state !== 'closed') return 'Nothing of it was carried out.';
  const says = view.says === undefined ? '' : `: ${prose(view.says, 300)}`;
  return `The run ended ${view.state} while this was asked${says}. Nobody can answer any more, and nothing of it was carried out.`;
}

/** Only what the journal has observed; a step that has not ended has no outcome. */
function outcome(view: RunView, steps: StepView[]): string {
  if (steps.length === 0) return `*Outcome:* the run is ${view.state}.`;
  const lines = steps.map((step) => `• ${code(step.id, 60)} ${stepOutcome(step)}`);
  return `*Outcome:*\n${bounded(lines, { lines: stepsShown, characters: 800 }, (left) => `… and ${left} more: \`firebreak status ${view.run}\``)}`;
}

export function stepOutcome({ state, counts, by, choice }: StepView): string {
  if (by !== undefined) return `${choice === undefined ? state : code(choice, 60)} by ${prose(by, 60)}`;
  const said = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${prose(name, 30)}`)
    .slice(0, 8)
    .join(', ');
  return `${state === 'waiting' ? 'not begun' : state}${said === '' ? '' : `: ${said}`}`;
}

function reasonBlock(ask: AskView): InputBlock {
  return {
    type: 'input',
    block_id: `reason-${nonceOf(ask)}`,
    optional: true,
    label: { type: 'plain_text', text: 'Reason (needed to deny)', emoji: false },
    element: { type: 'plain_text_input', action_id: reasonInput, max_length: 3000 },
  };
}

function buttons(view: RunView, ask: AskView, plan: PlanAnswer): ActionsBlock {
  const value = JSON.stringify({ run: view.run, ask: ask.id, nonce: nonceOf(ask) } satisfies ButtonValue);
  const irreversible = worst(ask.plans.map(({ risk }) => risk)) === 'irreversible';
  return {
    type: 'actions',
    block_id: `decide-${nonceOf(ask)}`,
    elements: [
      {
        type: 'button',
        action_id: approveAction,
        style: 'primary',
        text: { type: 'plain_text', text: 'Approve', emoji: false },
        value,
        ...(irreversible
          ? {
              confirm: {
                title: { type: 'plain_text', text: 'This cannot be undone' },
                text: { type: 'plain_text', text: `${toChange(plan).length} changes, some of them irreversible.` },
                confirm: { type: 'plain_text', text: 'Approve' },
                deny: { type: 'plain_text', text: 'Back' },
                style: 'danger',
              },
            }
          : {}),
      },
      {
        type: 'button',
        action_id: denyAction,
        style: 'danger',
        text: { type: 'plain_text', text: 'Deny', emoji: false },
        value,
      },
    ],
  };
}
