/** A batch of a release or an undo: what leans on something goes first, and each under the gate that its hold asks for. */
import { exchangeGate } from '../core/builtin.js';
import { changeKey, type Outcome } from '../core/change.js';
import { FirebreakError } from '../core/errors.js';
import { atLeast } from '../core/gate.js';
import type { Hold, Origin } from '../core/hold.js';
import type { Bundle } from '../core/installation.js';
import type { Digest } from '../core/json.js';
import type { PlannedChange, StepPlan } from '../core/plan.js';
import { leastGate } from '../core/risk.js';
import { type Attempt, baseContext } from './attempt.js';
import type { CarryOutInput } from './contract.js';
import type { ExecutorDeps } from './deps.js';
import { exchangeOf, releaseHold } from './exchange.js';
import { questionOf } from './grant.js';
import { type SettleContext, settleAll } from './settle.js';
import { refuse } from './refuse.js';
import { judgeGate, judgeLaunch, refuseEnded, refuseOtherSystem } from './warrant.js';

export async function carryOutExchange(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: CarryOutInput,
  plan: StepPlan,
  attempt: Attempt,
): Promise<Outcome[]> {
  const verb = input.warrant.launch.verb as 'release' | 'undo';
  const question = questionOf(deps, bundle, input, 'now');
  const { about } = await judgeLaunch(question, [verb]);
  await refuseEnded(question);
  const runs = await exchangedRuns(deps, about.inputs);
  const changes = plan.changes.slice(input.from, input.to);
  const holds = new Map<string, Hold>();
  let bound: ReadonlySet<Digest> = new Set();
  for (const change of changes) {
    const hold = await deps.store.hold(change.hold ?? '');
    if (hold === undefined) continue;
    refuseOtherSystem(deps.system, hold.target.system);
    holds.set(hold.id, hold);
    // The gate follows from the hold, not from the run that wants to lift it.
    const spec = atLeast(exchangeGate(hold, verb), leastGate[hold.risk]);
    bound = await judgeGate(question, input.warrant.gate?.gate ?? '', spec, false);
  }
  const context: SettleContext = {
    ...baseContext(deps, bundle, input, attempt),
    origin: originFor(input, holds.values().next().value),
    containing: false,
    covers: ({ effect }) => bound.has(effect),
  };
  const done = [...holds.values()].filter((hold) => hold.state === 'closed' && hold.outcome === 'done');
  const open = changes.filter((change) => !done.some(({ id }) => id === change.hold));
  const outcomes = await inWaves(open, holds, (change) => releaseHold(change, runs, context));
  // Newest first, as they were planned: what was built on something goes before it.
  for (const hold of done)
    outcomes.push(await undoDone(hold, runs, { ...context, origin: originFor(input, hold), look: 'undo' }));
  return outcomes;
}

/** What is no longer held is an ordinary change with before and after exchanged; it takes a hold of its own while it is made. */
async function undoDone(hold: Hold, runs: string[], context: SettleContext): Promise<Outcome> {
  if (!runs.includes(hold.origin.run))
    throw refuse(
      'warrant.foreign-hold',
      `${hold.id} is of ${hold.origin.run}, which is not what was launched to be undone.`,
    );
  const { hold: _hold, ...change } = exchangeOf(hold, runs);
  const [outcome] = await settleAll([change], context);
  return outcome as Outcome;
}

/** What leans on something is released before it: the interfaces before the group that they were put into. */
async function inWaves(
  changes: PlannedChange[],
  holds: Map<string, Hold>,
  release: (change: PlannedChange) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let rest = changes;
  while (rest.length > 0) {
    const needed = new Set(rest.flatMap((change) => holds.get(change.hold ?? '')?.dependsOn ?? []));
    const free = rest.filter((change) => !needed.has(changeKey(change)));
    const wave = free.length > 0 ? free : rest;
    for (let at = 0; at < wave.length; at += 8)
      outcomes.push(...(await Promise.all(wave.slice(at, at + 8).map(release))));
    rest = rest.filter((change) => !wave.includes(change));
  }
  return outcomes;
}

/** Whose holds a release goes over: from the inputs that were launched and signed, not from the caller. */
async function exchangedRuns(deps: Pick<ExecutorDeps, 'store'>, inputs: Digest): Promise<string[]> {
  const launched = (await deps.store.document('inputs', inputs)) as { runs?: string[]; run?: string } | undefined;
  return launched?.runs ?? (launched?.run === undefined ? [] : [launched.run]);
}

function originFor(input: CarryOutInput, hold: Hold | undefined): Origin {
  if (hold === undefined)
    throw new FirebreakError('release.nothing-held', 'None of what is to be released is on record.', {
      nextStep: 'see `firebreak holds`.',
    });
  return { ...hold.origin, run: input.run.run, incident: input.run.incident, step: input.step };
}
