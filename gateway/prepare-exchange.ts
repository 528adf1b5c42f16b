/** Release and undo: runs of built-in runbooks, made from the holds, gated as those were. */
import { releaseRunbook, undoRunbook } from '../core/builtin.js';
import { FirebreakError } from '../core/errors.js';
import { type Hold, type ShownHold, shownHold } from '../core/hold.js';
import type { Json } from '../core/json.js';
import { differs } from '../core/shown-change.js';
import type { RunView } from '../core/run-view.js';
import type { Runbook } from '../core/runbook.js';
import { digestOf } from '../journal/digest.js';
import { doneBy, heldBy } from '../journal/held.js';
import type { Store } from '../journal/store.js';
import type { Prepare, Prepared } from './api.js';
import { changeLine, exchanged, gateLine, holdLine, reachLines } from './lines.js';
import type { Preparing } from './prepare.js';
import { prepareRun } from './prepare-launch.js';
import { Refusal } from './refusal.js';
import { knownRun, refuseUnknownStep, type Views } from './views.js';

/** Hold lines shown before signing. */
const linesMax = 20;

export async function prepareRelease(
  preparing: Preparing,
  ask: Extract<Prepare, { verb: 'release' }>,
): Promise<Prepared> {
  const { store, views } = preparing;
  const { holds, runs, incident } = await releasable(store, views, ask.of);
  const shown = named(holds, preparing);
  const runbook = releaseRunbook(holds);
  const inputs = { runs, reason: neededReason(ask.reason, 'release') };
  const prepared = await prepareRun(preparing, { runbook, digest: digestOf(runbook), inputs, incident });
  const lines = inOrder(shown).map((hold) => `  ${holdLine(hold, runs)}`);
  return {
    ...prepared,
    shows: [
      `release what ${runs.join(', ')} hold${runs.length === 1 ? 's' : ''} in ${incident}:`,
      ...reachLines(shown),
      ...cut(lines),
      ...gateLines(runbook),
    ],
  };
}

export async function prepareUndo(preparing: Preparing, ask: Extract<Prepare, { verb: 'undo' }>): Promise<Prepared> {
  const { store, views } = preparing;
  const view = await knownRun(views, ask.run);
  if (ask.step !== undefined) refuseUnknownStep(view, ask.step);
  const holds = await undoable(store, view, ask.step);
  const shown = named(holds, preparing);
  const runbook = undoRunbook(holds);
  const inputs: Json = {
    run: view.run,
    ...(ask.step === undefined ? {} : { step: ask.step }),
    reason: neededReason(ask.reason, 'undo'),
  };
  const prepared = await prepareRun(preparing, { runbook, digest: digestOf(runbook), inputs, incident: view.incident });
  const lines = inOrder(shown).map((hold) => `  ${changeLine(exchanged(hold))}`);
  const what = ask.step === undefined ? view.run : `step "${ask.step}" of ${view.run}`;
  return {
    ...prepared,
    shows: [`undo ${what} (${view.runbook}):`, ...reachLines(shown), ...cut(lines), ...gateLines(runbook)],
  };
}

function named(holds: Hold[], { bundle }: Preparing): ShownHold[] {
  return holds.map((hold) => shownHold(hold, bundle.installation.targets ?? {}));
}

/** First those that would put back what nobody saw when the plan was approved. */
function inOrder(holds: ShownHold[]): ShownHold[] {
  return holds.toSorted((a, b) => Number(differs(exchanged(b))) - Number(differs(exchanged(a))));
}

/** The open holds of a run and of what was added to it, or of every run of an incident that holds something. */
async function releasable(
  store: Store,
  views: Views,
  of: string,
): Promise<{ holds: Hold[]; runs: string[]; incident: string }> {
  const runs = of.startsWith('inc-') ? await holdersIn(store, of) : await withAmendments(store, views, of);
  const holds = await heldBy(store, runs);
  const [first] = holds;
  if (first === undefined) {
    throw new Refusal(
      'release.nothing-held',
      `${of} holds nothing; ${await whatIsHeld(store)}`,
      'name one that holds something; `firebreak holds` lists them.',
    );
  }
  const holder = first.holders.find(({ run }) => runs.includes(run)) ?? first.origin;
  return { holds, runs, incident: of.startsWith('inc-') ? of : holder.incident };
}

/** What was added to a run goes with it. */
async function withAmendments(store: Store, views: Views, run: string): Promise<string[]> {
  const amendments = (await views.runs()).filter(({ amends }) => amends === run).map((view) => view.run);
  const held = new Set((await heldBy(store, amendments)).flatMap(({ holders }) => holders.map((holder) => holder.run)));
  return [run, ...amendments.filter((each) => held.has(each)).toSorted()];
}

async function holdersIn(store: Store, incident: string): Promise<string[]> {
  const holds = await store.holds({ incident, state: 'open' });
  const holders = holds.flatMap((hold) => [...hold.holders, hold.origin].filter((each) => each.incident === incident));
  return [...new Set(holders.map(({ run }) => run))].toSorted();
}

async function whatIsHeld(store: Store): Promise<string> {
  const counts = new Map<string, number>();
  for (const hold of await store.holds({ state: 'open' })) {
    for (const { run } of hold.holders) counts.set(run, (counts.get(run) ?? 0) + 1);
  }
  if (counts.size === 0) return 'nothing is held at all.';
  return `in force are ${[...counts].map(([run, count]) => `${count} of ${run}`).join(', ')}.`;
}

async function undoable(store: Store, { run }: RunView, step: string | undefined): Promise<Hold[]> {
  const holds = await doneBy(store, run, step);
  if (holds.length > 0) return holds;
  const what = step === undefined ? run : `Step "${step}" of ${run}`;
  throw new Refusal(
    'undo.nothing-done',
    `${what} changed nothing that could be undone.`,
    `look at what it did with \`firebreak status ${run}\`.`,
  );
}

function neededReason(reason: string | undefined, verb: string): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw new FirebreakError(
    'reason.missing',
    `A ${verb} needs a reason, for the people who decide and for the record.`,
    {
      nextStep: 'say why with `--reason TEXT`.',
    },
  );
}

function gateLines({ gates }: Runbook): string[] {
  return Object.values(gates).map((spec) => `Other people must agree first: ${gateLine(spec)}.`);
}

function cut(lines: string[]): string[] {
  return lines.length > linesMax ? [...lines.slice(0, linesMax), `  and ${lines.length - linesMax} more`] : lines;
}
