/** `/firebreak ...`: each verb says its statement, or shows what the journal knows; the answer is for the one who typed. */
import { askName } from '../../core/ask-name.js';
import { FirebreakError } from '../../core/errors.js';
import { runbookNamed } from '../../core/installation.js';
import type { AskView, RunView } from '../../core/run-view.js';
import { askCard } from './ask-card.js';
import { EqualLaunchRefusal } from '../equal-launch.js';
import { section, shortDigest } from './cards.js';
import { factsOf } from './facts.js';
import { commandOf, readLaunch } from './fields.js';
import { principalOf } from './identity.js';
import type { Answer } from './in-time.js';
import { bare, bounded, code, escape, moment, prose } from './mrkdwn.js';
import { type Command, nearest, parseCommand, slashCommand, wrong } from './parse.js';
import { type Heard, type SlackDoor, speak, type Speaking } from './speak.js';
import { statusCard } from './status-card.js';

const runsShown = 15;
const namesShown = 12;

export async function obey(speaking: Speaking, heard: Heard): Promise<Answer> {
  const command = parseCommand(heard.command?.slice(slashCommand.length) ?? '');
  switch (command.verb) {
    case 'help':
      return help(speaking.door);
    case 'status':
      principalOf((await speaking.door.bundle()).people, speaking.settings.team, heard.account);
      return command.run === undefined ? allRuns(speaking.door) : oneRun(speaking.door, command.run);
    case 'run':
    case 'plan':
      return launch(speaking, heard, command);
    case 'approve':
    case 'deny':
      return decide(speaking, heard, command);
    case 'confirm':
    case 'choose':
      return answerTask(speaking, heard, command);
    case 'release':
      return release(speaking, heard, command);
  }
}

async function launch(
  speaking: Speaking,
  heard: Heard,
  { verb, runbook: name, fields }: Extract<Command, { verb: 'run' | 'plan' }>,
): Promise<Answer> {
  const bundle = await speaking.door.bundle();
  const found = runbookNamed(bundle, name);
  if (found === undefined) {
    const names = Object.values(bundle.runbooks).map((runbook) => runbook.name);
    const near = nearest(name, names);
    throw wrong(
      'runbook.unknown',
      `No runbook is called "${bare(name, 60)}"; there are ${listed(names)}.`,
      near === undefined ? 'help' : commandOf(`${verb} ${near}`, fields),
    );
  }
  const { inputs, reason, incident, again } = readLaunch(verb, found.runbook, fields, bundle.installation.targets);
  const typed = commandOf(`${verb} ${name}`, fields);
  const { prepared, said } = await speak(
    speaking,
    heard,
    {
      verb: verb === 'run' ? 'launch' : 'plan',
      runbook: name,
      inputs,
      ...(reason === undefined ? {} : { reason }),
      ...(incident === undefined ? {} : { incident }),
      ...(again ? { again } : {}),
    },
    { terminal: `firebreak ${typed}` },
  ).catch((error: unknown) => {
    throw error instanceof EqualLaunchRefusal ? inSlack(error, `${slashCommand} ${typed} again=yes`) : error;
  });
  return {
    text: `${verb === 'run' ? 'Launch' : 'Plan'} of ${code(name)}: ${escape(said.outcome)}. ${code(prepared.run)} in ${code(prepared.incident)}, ${escape(bundle.installation.environment)}; its card is in the channel.`,
  };
}

/** The same refusal with what to type here. */
function inSlack(refusal: EqualLaunchRefusal, again: string): FirebreakError {
  return new FirebreakError(refusal.code, refusal.message, {
    nextStep: `look at it with \`${slashCommand} status ${refusal.run}\`, or start another one all the same: \`${again}\``,
  });
}

async function decide(
  speaking: Speaking,
  heard: Heard,
  command: Extract<Command, { verb: 'approve' | 'deny' }>,
): Promise<Answer> {
  const { verb, run, reason } = command;
  const view = await knownRun(speaking.door, run, `${verb} %`);
  const open = view.asks.filter(({ state }) => state === 'asking');
  const meant =
    command.gate === undefined
      ? open
      : open.filter((ask) => ask.about.gate === command.gate || ask.id === command.gate);
  if (open.length > 1 && meant.length !== 1) {
    const asks = open.map((ask) => askName(ask, open));
    throw wrong(
      'gate.which',
      `${open.length} gates of ${run} ask now: ${listed(asks)}. Say which one.`,
      `${verb} ${run} gate=${(command.gate === undefined ? undefined : nearest(command.gate, asks)) ?? asks[0]} ${reason ?? ''}`,
    );
  }
  const asked = meant[0];
  if (verb === 'approve' && asked !== undefined && command.plan !== shortDigest(asked.about.plan))
    return shownFirst(speaking, heard, view, asked, command);
  const gate = asked?.id ?? command.gate;
  const { prepared, said } = await speak(
    speaking,
    heard,
    { verb, run, ...(gate === undefined ? {} : { gate }), ...(reason === undefined ? {} : { reason }) },
    { terminal: `firebreak ${verb} ${run}`, ...(asked === undefined ? {} : { shown: asked.about }) },
  );
  return {
    text: decision(
      verb,
      run,
      said.outcome,
      prepared.about.kind === 'gate'
        ? `gate ${code(prepared.about.gate, 60)}, plan \`${shortDigest(prepared.about.plan)}\``
        : '',
    ),
  };
}

/**
 * Nobody agrees to what they have not seen: the answer is what asks now, and the command that agrees to exactly that. It has
 * no buttons, for a button counts only on the card that Firebreak keeps.
 */
async function shownFirst(
  { door, settings }: Speaking,
  { account }: Heard,
  view: RunView,
  ask: AskView,
  { run, gate, plan, reason }: Extract<Command, { verb: 'approve' | 'deny' }>,
): Promise<Answer> {
  principalOf((await door.bundle()).people, settings.team, account);
  const card = askCard(view, ask, await door.plan(run, ask.id));
  const now = shortDigest(ask.about.plan);
  const again = `approve ${run}${gate === undefined ? '' : ` gate=${gate}`} plan=${now}${reason === undefined ? '' : ` ${reason}`}`;
  const why =
    plan === undefined
      ? 'Nothing was said yet: an approval names the plan that it is for.'
      : `Nothing was said: the plan is ${code(now)} now, not ${code(plan, 60)}.`;
  const text = `${why} To agree to exactly what is shown here, ${code(`${slashCommand} ${again}`, 1_500)}, or press Approve on its card in the channel.`;
  const shown = card.blocks.filter(({ type }) => type !== 'actions' && type !== 'input');
  return { text, blocks: [...shown, section([text])] };
}

async function answerTask(
  speaking: Speaking,
  heard: Heard,
  command: Extract<Command, { verb: 'confirm' | 'choose' }>,
): Promise<Answer> {
  const { verb, run } = command;
  await knownRun(speaking.door, run, `${verb} %`);
  const words = command.verb === 'choose' ? ` ${command.choice}` : '';
  const { said } = await speak(speaking, heard, command, {
    terminal: `firebreak ${verb} ${run}${words} --reason "..."`,
  });
  return { text: `Your *${verb}* for ${code(run)}: ${escape(said.outcome)}.` };
}

export function decision(verb: 'approve' | 'deny', run: string, outcome: string, what: string): string {
  return `Your *${verb}* for ${code(run)} (${what}): ${escape(outcome)}.`;
}

async function release(
  speaking: Speaking,
  heard: Heard,
  { of, reason }: Extract<Command, { verb: 'release' }>,
): Promise<Answer> {
  const { prepared, said } = await speak(
    speaking,
    heard,
    { verb: 'release', of, reason },
    { terminal: `firebreak release ${of} --reason "..."` },
  );
  return {
    text: `Release of ${code(of)}: ${escape(said.outcome)}. ${code(prepared.run)} asks for agreement before anything is lifted; its card is in the channel.`,
  };
}

async function oneRun(door: SlackDoor, run: string): Promise<Answer> {
  await knownRun(door, run, 'status %');
  const facts = await factsOf(door, run);
  if (facts === undefined) throw new TypeError(`${run} vanished from the journal (this is a bug).`);
  return statusCard(facts);
}

async function allRuns(door: SlackDoor): Promise<Answer> {
  const runs = await door.runs();
  if (runs.length === 0) return { text: 'There has been no run yet.' };
  const lines = runs.map(
    ({ run, state, runbook, requester, launchedAt, environment }) =>
      `• ${code(run)} *${state}* ${prose(runbook, 60)}, by ${prose(requester, 60)} at ${moment(launchedAt)}, ${prose(environment, 40)}`,
  );
  return {
    text: bounded(lines, { lines: runsShown, characters: 3_500 }, (left) => `… and ${left} more: \`firebreak status\``),
  };
}

/** The run, or an error with the run that was probably meant; `corrected` has `%` for it. */
async function knownRun(door: SlackDoor, run: string, corrected: string): Promise<RunView> {
  const found = await door.view(run);
  if (found !== undefined) return found.view;
  const near = nearest(
    run,
    (await door.runs()).map((each) => each.run),
  );
  throw wrong(
    'run.unknown',
    `The journal has no run "${bare(run, 60)}".`,
    near === undefined ? 'status' : corrected.replace('%', near),
  );
}

async function help(door: SlackDoor): Promise<Answer> {
  const { runbooks } = await door.bundle();
  const lines = Object.values(runbooks).map(
    ({ name, summary, inputs }) =>
      `• ${code(name)} ${prose(summary, 150)} Inputs: ${prose(Object.keys(inputs).join(', ') || 'none', 120)}`,
  );
  return {
    text: [
      `\`${slashCommand} run RUNBOOK key=value key="a value"\` starts a run; others must agree before anything changes.`,
      `\`${slashCommand} plan RUNBOOK key=value\` shows what would be changed, and changes nothing.`,
      `\`${slashCommand} status [RUN]\` shows where things stand.`,
      `\`${slashCommand} approve RUN\` shows what asks, and the command that agrees to exactly that: \`${slashCommand} approve RUN plan=DIGEST [reason]\`.`,
      `\`${slashCommand} deny RUN reason\` refuses what asks; \`gate=NAME\` after the run says which gate, here and there.`,
      `\`${slashCommand} confirm RUN what was done\` ends a step that people do by hand, \`${slashCommand} choose RUN CHOICE\` one that they decide; \`step=ID\` says which.`,
      `\`${slashCommand} release RUN|INCIDENT reason\` asks to lift what is in force.`,
      lines.length === 0
        ? 'There are no runbooks.'
        : `Runbooks:\n${bounded(lines, { lines: namesShown, characters: 2_500 }, (left) => `… and ${left} more: \`firebreak explain\``)}`,
    ].join('\n'),
  };
}

function listed(names: string[]): string {
  if (names.length === 0) return 'none';
  const shown = names.toSorted().slice(0, namesShown).join(', ');
  return names.length > namesShown ? `${shown} and ${names.length - namesShown} more` : shown;
}
