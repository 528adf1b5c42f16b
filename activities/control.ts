/**
 * The engine's activities without any system's credentials: begin, hear, ask, append, finish. Each speaks only for the run whose
 * workflow calls it (`own-run.ts`).
 */
import { same } from '../core/canonical.js';
import { judgeLauncher } from '../core/gate.js';
import { FirebreakError } from '../core/errors.js';
import type { RunLaunched } from '../core/event-data.js';
import type { EventDraft } from '../core/event.js';
import type { Digest, Json } from '../core/json.js';
import { isFor, nameOfWork } from '../core/runbook.js';
import type { LaunchAbout, Statement } from '../core/statement.js';
import { digestOf, planDigest } from '../journal/digest.js';
import { letGoOfAll } from '../journal/let-go.js';
import { findFacts } from '../journal/proof.js';
import { amendedRun } from './amended-run.js';
import { asActivities } from './as-activities.js';
import type { AskInput, BeginInput, Begun, ControlActivities, FinishInput, RunRef } from './contract.js';
import type { EngineDeps } from './deps.js';
import { draft } from './drafts.js';
import { refuseForged, refuseOtherCaller, refuseOtherRun } from './own-run.js';
import { loadPlan } from './plan-step.js';

export function controlActivities(deps: EngineDeps): ControlActivities {
  return asActivities<ControlActivities>({
    begin: (input) => {
      refuseOtherCaller(input.run);
      return begin(deps, input);
    },
    hear: async ({ run, statement }) => {
      await refuseOtherRun(deps.store, run);
      return hear(deps, run, statement);
    },
    append: async (drafts) => {
      for (const event of drafts) await refuseForged(deps, event);
      await deps.store.append(drafts);
    },
    ask: async (input) => {
      await refuseOtherRun(deps.store, input.run);
      return ask(deps, input);
    },
    finish: async (input) => {
      await refuseOtherRun(deps.store, input.run);
      return finish(deps, input);
    },
  });
}

/** Judges the launch and opens the run's record. A refused launch is on the record too. */
async function begin(deps: EngineDeps, input: BeginInput): Promise<Begun> {
  const bundle = await deps.bundle();
  const facts = findFacts(input.launch, bundle.people, deps.secrets());
  const { about } = input.launch;
  // Judged when it arrives, and not again when the attempt that began the run was lost with its worker.
  const [before] = await deps.store.events({ run: input.run, actions: ['run.launched'] });
  const nowMs = before !== undefined && same(before.statement, input.launch) ? Date.parse(input.launch.at) : Date.now();
  const spoken = judgeLauncher(input.launch, facts, input.runbook.name, nowMs);
  const refusal = spoken.counts
    ? (matches(input, about, bundle.installation.environment) ?? (await unknownIn(deps, about)))
    : spoken;
  const launch = digestOf(about);
  const run = { run: input.run, incident: input.incident };
  const actor = facts.principal?.id ?? 'unknown';
  const owner = facts.principal?.service?.owner;
  const at = input.launch.at;
  if (refusal !== undefined) {
    const reason = { code: refusal.code, reason: refusal.reason };
    await deps.store.append([
      draft(run, {
        id: 'refused',
        actor,
        action: 'run.refused',
        statement: input.launch,
        at,
        data: { ...describe(input, launch), ...reason },
      }),
      draft(run, {
        id: 'launch-refused',
        actor,
        action: 'statement.refused',
        statement: input.launch,
        at,
        data: { verb: input.launch.verb, statement: facts.digest, ...reason },
      }),
    ]);
    return { refused: reason };
  }
  const { adopts, amends } = about as LaunchAbout;
  const was = adopts === undefined ? undefined : await deps.store.document('adopted', adopts.was);
  const runbookDigest = digestOf(input.runbook);
  const answered =
    amends === undefined
      ? undefined
      : await amendedRun(deps.store, { amends, incident: input.incident, runbook: runbookDigest });
  await deps.store.putDocument('runbook', runbookDigest, input.runbook as unknown as Json);
  await deps.store.putDocument('inputs', digestOf(input.inputs), input.inputs);
  const opened = (await deps.store.head(input.incident)) === undefined;
  const recorded = await deps.store.append([
    ...(opened ? [incidentOpened(input, actor)] : []),
    draft(run, {
      id: 'launched',
      actor,
      action: 'run.launched',
      statement: input.launch,
      at,
      data: {
        ...describe(input, launch),
        ...(owner === undefined ? {} : { owner }),
        ...(was === undefined || adopts === undefined ? {} : { adopts: { ...adopts, was } }),
      },
    }),
  ]);
  // The first launch with this id stays; a second one must not go on as if it were that.
  if (!same(recorded.at(-1)?.statement, input.launch))
    return {
      refused: { code: 'run.launched-before', reason: `${input.run} was launched before, by another statement.` },
    };
  const { everyMs, settlesPerHour } = bundle.installation.watch;
  const { responders } = bundle.people;
  return {
    about: about as LaunchAbout,
    launch,
    watch: { everyMs, settlesPerHour },
    responders,
    ...(owner === undefined ? {} : { service: { owner } }),
    ...(answered === undefined ? {} : { answered }),
  };
}

function incidentOpened(input: BeginInput, actor: string): EventDraft {
  const reason = input.launch.reason;
  return {
    chain: input.incident,
    id: `${input.incident}/opened`,
    occurredAt: input.launch.at,
    actor,
    action: 'incident.opened',
    data: { kind: 'incident', declaredBy: actor, ...(reason === undefined ? {} : { reason }) },
  };
}

/** Whether what Temporal was given is what the statement was about. Whether the runbook is ours, executors judge. */
function matches(input: BeginInput, about: Statement['about'], environment: string): Mismatch | undefined {
  if (about.kind !== 'launch') return mismatch('about.not-a-launch', 'This statement does not launch anything.');
  if (about.run !== input.run || about.incident !== input.incident)
    return mismatch('about.other-run', 'This launch was said about another run.');
  if (about.environment !== environment)
    return mismatch(
      'about.other-environment',
      `This was launched for "${about.environment}"; here is "${environment}".`,
    );
  if (!isFor(input.runbook, environment))
    return mismatch('runbook.other-environment', `${input.runbook.name} may not be launched in "${environment}".`);
  if (about.runbook !== digestOf(input.runbook))
    return mismatch('about.other-runbook', 'The runbook is not the one that was launched.');
  if (about.inputs !== digestOf(input.inputs))
    return mismatch('about.other-inputs', 'The inputs are not those that were launched.');
  return undefined;
}

/** What a launch names besides must be on record. */
async function unknownIn({ store }: EngineDeps, about: Statement['about']): Promise<Mismatch | undefined> {
  const { adopts, amends, incident, runbook } = about as LaunchAbout;
  if (adopts !== undefined && (await store.document('adopted', adopts.was)) === undefined)
    return mismatch('about.adopted-unknown', 'What was there before is not on record as it was told.');
  if (amends !== undefined && (await amendedRun(store, { amends, incident, runbook })) === undefined)
    return mismatch('about.other-amended', `${amends} is no run of this runbook in this incident.`);
  return undefined;
}

type Mismatch = { code: string; reason: string };

function mismatch(code: string, reason: string): Mismatch {
  return { code, reason };
}

function describe(input: BeginInput, launch: Digest): RunLaunched {
  const { runbook, inputs, launch: statement } = input;
  const verb =
    statement.verb === 'plan' || statement.verb === 'release' || statement.verb === 'undo' ? statement.verb : 'launch';
  return {
    runbook: runbook.name,
    version: runbook.version,
    digest: digestOf(runbook),
    summary: runbook.summary,
    verb,
    inputs,
    environment: statement.about.kind === 'launch' ? statement.about.environment : '',
    launch,
    ...(statement.about.kind === 'launch' && statement.about.amends !== undefined
      ? { amends: statement.about.amends }
      : {}),
    steps: runbook.steps.map((step) => ({
      id: step.id,
      phase: step.phase,
      unit: nameOfWork(step.work),
      ...(step.gate === undefined ? {} : { gate: step.gate }),
    })),
    separation: 'nominal',
  };
}

/** Journals that something was said before anything is made of it, and finds out who said it. */
async function hear(deps: EngineDeps, run: RunRef, statement: Statement): ReturnType<ControlActivities['hear']> {
  const { people } = await deps.bundle();
  const facts = findFacts(statement, people, deps.secrets());
  const actor = facts.principal?.id ?? 'unknown';
  await deps.store.append([
    draft(run, {
      id: `said/${facts.digest}`,
      actor,
      action: 'statement.attempted',
      statement,
      data: { verb: statement.verb, statement: facts.digest },
    }),
  ]);
  return facts;
}

/** Puts on record that a gate asks, and what exactly: from the journal executors and people take it. */
async function ask(deps: EngineDeps, input: AskInput): Promise<{ plan: Digest }> {
  const { run, id, gate, round, plans, openedAt, ...rest } = input;
  const effects = new Set<Digest>();
  if (input.allows !== 'carry out' && plans.length > 0) {
    throw new FirebreakError(
      'gate.request-with-plans',
      `A request to ${input.allows} brought plans along (this is a bug).`,
      {
        nextStep: 'report it.',
      },
    );
  }
  for (const ref of plans) {
    const plan = await loadPlan(deps.store, ref, run.run, ref.step);
    for (const change of plan.changes) if (change.standing !== 'already') effects.add(change.effect);
    if (plan.bound !== undefined) effects.add(digestOf(plan.bound));
  }
  if (input.allows === 'carry out' && effects.size === 0) {
    throw new FirebreakError('gate.nothing-to-ask', `Gate "${gate}" would ask about nothing (this is a bug).`, {
      nextStep: 'report it.',
    });
  }
  // A request such as cancel changes nothing in a system; what it is about is its own effect.
  if (input.allows !== 'carry out')
    effects.add(digestOf({ ...input.request, request: input.allows, run: run.run, round }));
  const plan = planDigest([...effects]);
  await deps.store.putDocument('effects', plan, [...effects].toSorted());
  const about = { kind: 'gate' as const, run: run.run, launch: run.launch, gate, round, plan };
  const [asked] = await deps.store.append([
    draft(run, {
      id: `asked/${id}`,
      actor: 'engine',
      action: 'gate.asked',
      at: openedAt,
      data: { id, about, plans, ...rest },
    }),
  ]);
  // The first asking with an id stays, and is what people see and executors find.
  if (!same(asked?.data?.['about'], about)) {
    throw new FirebreakError('gate.asked-before', `${id} of ${run.run} has already asked about something else.`, {
      nextStep: 'retry asks in a new round.',
    });
  }
  return { plan };
}

/** What is not a containment closes with its run; an intended hold stays, for nobody knows yet how it stands. */
async function finish(deps: EngineDeps, { run, action, says, endedAt }: FinishInput): Promise<void> {
  const occurredAt = new Date().toISOString();
  await letGoOfAll(deps.store, { chain: run.incident, run: run.run, occurredAt, actor: 'engine' });
  await deps.store.append([
    draft(run, {
      id: 'ended',
      actor: 'engine',
      action,
      at: endedAt,
      outcome: action.slice('run.'.length),
      data: { says },
    }),
  ]);
}
