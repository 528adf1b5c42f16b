/** `status`: the runs; `status RUN`: where one stands, who decided what, and what a person must do next. */
import { formatDuration } from '../core/duration.js';
import type { AskView, RunView, StepView } from '../core/run-view.js';
import type { Hold } from '../core/hold.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { openGateway } from './gateway-client.js';
import { holdsTable } from './holds.js';
import { keptLaunch, keptLine, keptNext, keptState } from './kept.js';
import { planTable, whoDecides } from './lines.js';
import { nextStep } from './next-step.js';
import type { Call, CommonOptions } from './perform.js';
import { table } from './table.js';
import { oneLine } from './visible.js';

export interface StatusOptions extends CommonOptions {
  changes?: boolean;
}

export async function status(call: Call<StatusOptions>, run: string | undefined): Promise<ExitCode> {
  return run === undefined ? statusOfAll(call) : statusOfOne(call, run);
}

async function statusOfAll({ out }: Call): Promise<ExitCode> {
  const gateway = openGateway();
  // Before the runs: one that begins meanwhile is then found twice, not missed.
  const kept = await gateway.waiting();
  const runs = await gateway.runs();
  const waiting = kept.filter(({ run }) => !runs.some((view) => view.run === run));
  const rows = [
    ...waiting.map((each) => [each.run, keptState, each.runbook, each.incident, each.by, each.receivedAt]),
    ...runs.map((view) => [view.run, view.state, view.runbook, view.incident, view.requester, view.launchedAt]),
  ];
  out.answer(
    { runs, waiting },
    rows.length === 0
      ? ['No run yet. Next: firebreak run RUNBOOK']
      : table(['RUN', 'STATE', 'RUNBOOK', 'INCIDENT', 'BY', 'LAUNCHED'], rows),
  );
  return exitCodes.done;
}

async function statusOfOne({ out, options }: Call<StatusOptions>, run: string): Promise<ExitCode> {
  const gateway = openGateway();
  const kept = await keptLaunch(gateway, run);
  if (kept !== undefined) {
    out.answer({ run, state: keptState, kept, next: keptNext }, [keptLine(kept), `Next: ${keptNext}`]);
    return exitCodes.done;
  }
  const { view, holds } = await gateway.run(run);
  const plan = options.changes === true ? await gateway.plan(run) : undefined;
  const next = nextStep(view, holds);
  out.answer({ view, holds, ...(plan === undefined ? {} : { plan }), next }, [
    ...headLines(view),
    '',
    ...table(['STEP', 'STATE', 'UNIT', 'GATE', 'TOOK', 'OUTCOMES'], view.steps.map(stepRow)),
    ...view.asks.map(askLine),
    ...view.tasks.map(
      ({ step, what, who, askedAt }) => `${step} waits since ${askedAt} for ${who.join(', ')}: ${oneLine(what)}`,
    ),
    ...view.refusals.map(({ at, by, verb, reason }) => `${at}  refused ${verb} by ${by}: ${reason}`),
    ...view.steps.flatMap(({ exceptions }) =>
      exceptions.map(({ key, status: how, message }) => `${key} ${how}: ${message}`),
    ),
    ...view.watch.map(({ at, action, text }) => `${at}  ${action.replace('.', ' ')}: ${text}`),
    ...view.notes.map(({ at, by, text }) => `${at}  ${by} notes: ${text}`),
    ...(plan === undefined ? [] : ['', 'Changes:', ...planTable(plan)]),
    ...heldLines(view, holds),
    '',
    `Next: ${next}`,
  ]);
  return exitCodes.done;
}

function headLines(view: RunView): string[] {
  const { run, runbook, version, environment, state, says, requester, owner, launchedAt, endedAt, incident, reason } =
    view;
  return [
    `${run}  ${runbook} version ${version} in ${environment}: ${state}`,
    `by ${requester} at ${launchedAt}, incident ${incident}${endedAt === undefined ? '' : `, ended ${endedAt}`}${reason === undefined ? '' : `: ${oneLine(reason)}`}`,
    ...(owner === requester ? [] : [`Its owner is ${owner}.`]),
    ...(says === undefined ? [] : [`Ended: ${says}.`]),
    ...(view.separation === 'nominal'
      ? ['Separation of duties is nominal: all keys of this installation lie on one machine.']
      : []),
  ];
}

function stepRow({ id, state, unit, gate, startedAt, endedAt, counts, by, choice }: StepView): string[] {
  const took =
    startedAt === undefined || endedAt === undefined ? '' : short(Date.parse(endedAt) - Date.parse(startedAt));
  const outcomes = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
  const answer = by === undefined ? '' : `${choice === undefined ? '' : `${choice}, `}by ${by}`;
  return [id, state, unit, gate ?? '', took, `${outcomes}${answer}`];
}

/** To the second from one second on; what is shorter in milliseconds. */
function short(ms: number): string {
  return formatDuration(ms < 1000 ? ms : Math.round(ms / 1000) * 1000);
}

function askLine({ about, state, spec, deadline, decided, lapsed = [] }: AskView): string {
  const good = decided.map(({ by, verb, goodUntil }) =>
    goodUntil === undefined || state !== 'asking' ? `${by} ${verb}` : `${by} ${verb}, good until ${goodUntil}`,
  );
  const old = lapsed.map(({ by, verb }) => `${by} ${verb}, too old by now`);
  const said = [...good, ...old].join('; ');
  const until = state === 'asking' ? ` until ${deadline}` : '';
  return `gate ${about.gate}, round ${about.round}: ${state}${until}, ${whoDecides(spec)}${said === '' ? '' : ` (${said})`}`;
}

function heldLines(view: RunView, holds: Hold[]): string[] {
  return holds.length === 0 ? [] : ['', 'Held:', ...holdsTable(holds, [view])];
}
