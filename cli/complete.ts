/**
 * What may come next on a command line: verbs and options from their declarations, names of runbooks from their files, ids of
 * runs and incidents from the gateway while it answers at once. It is asked between two keystrokes, so it never waits for
 * long, and what cannot be known is simply not offered.
 */
import { readFileSync } from 'node:fs';
import type { Argument, Command, Option } from 'commander';
import { compileInstallation } from '../compiler/installation.js';
import type { RunView } from '../core/run-view.js';
import { workspaceAt } from '../worker/workspace.js';
import { shells } from './completion.js';
import { openGateway } from './gateway-client.js';
import { runbookFiles } from './runbook-files.js';

/** A word, and what it means. */
type Offer = [word: string, says: string];

/** For the gateway's answer: more would be felt as hanging. */
const gatewayMs = 300;

/** `words` are those after the command's name; the last is the one being typed, empty at its start. */
export async function complete(program: Command, words: string[]): Promise<void> {
  const current = words.at(-1) ?? '';
  try {
    const offers = await offersFor(program, words.slice(0, -1), current);
    for (const [word, says] of offers) if (word.startsWith(current)) process.stdout.write(`${word}\t${says}\n`);
  } catch {
    // An error here would be printed into the line that somebody is typing; the verb itself says it when it is called.
  }
}

interface Place {
  command: Command;
  /** Words that are arguments of that command. */
  given: string[];
  /** The option whose value is typed now. */
  option: Option | undefined;
}

async function offersFor(program: Command, before: string[], current: string): Promise<Offer[]> {
  const { command, given, option } = placeOf(program, before);
  if (option !== undefined) return valuesOf(option.long ?? '');
  if (current.startsWith('-')) return optionsOf(command);
  if (command.commands.length > 0) return verbsOf(command);
  const args = command.registeredArguments;
  const argument = args[given.length] ?? args.findLast(({ variadic }) => variadic);
  return argument === undefined ? [] : argumentsOf(argument, given);
}

function placeOf(program: Command, before: string[]): Place {
  const place: Place = { command: program, given: [], option: undefined };
  for (const word of before) {
    if (place.option !== undefined) {
      if (place.option.long === '--workspace') process.env['FIREBREAK_WORKSPACE'] = word;
      place.option = undefined;
      continue;
    }
    const sub = place.command.commands.find((each) => each.name() === word);
    const option = place.command.options.find(({ short, long }) => word === short || word === long);
    if (option !== undefined) place.option = option.required ? option : undefined;
    else if (sub !== undefined) place.command = sub;
    else if (!word.startsWith('-')) place.given.push(word);
  }
  return place;
}

function verbsOf(command: Command): Offer[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => [each.name(), each.description()]);
}

function optionsOf(command: Command): Offer[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }): Offer[] => (long === undefined || long === null ? [] : [[long, description]]));
}

/** Options that take a file offer nothing, and the shell offers its files. */
async function valuesOf(option: string): Promise<Offer[]> {
  if (option === '--format')
    return [
      ['jsonl', 'can be verified'],
      ['md', 'for reading'],
    ];
  if (option === '--incident') return incidents(await runs());
  return [];
}

async function argumentsOf(argument: Argument, given: string[]): Promise<Offer[]> {
  switch (argument.name()) {
    case 'run':
      return (await runs()).map(runOffer);
    case 'incident':
      return incidents(await runs());
    case 'run-or-incident': {
      const all = await runs();
      return [...all.map(runOffer), ...incidents(all)];
    }
    case 'runbook':
    case 'runbooks-or-units':
      return runbooks().map(({ name, summary }) => [name, summary]);
    case 'hook':
      return hooks();
    case 'name=value':
      return inputsOf(given[0]);
    case 'shell':
      return shells.map((shell) => [shell, `a script for ${shell}`]);
    default:
      return [];
  }
}

function runbooks() {
  return runbookFiles(workspaceAt().runbooks);
}

function hooks(): Offer[] {
  const { installation: file } = workspaceAt();
  const found = compileInstallation({ file, text: readFileSync(file, 'utf8') }).installation?.hooks ?? {};
  return Object.entries(found).map(([name, { runbook }]) => [name, `launches ${runbook}`]);
}

function inputsOf(runbook: string | undefined): Offer[] {
  const found = runbooks().find(({ name }) => name === runbook);
  return (found?.inputs ?? []).map((input) => [`${input}=`, `an input of ${found?.name ?? ''}`]);
}

function runs(): Promise<RunView[]> {
  return openGateway().runs(AbortSignal.timeout(gatewayMs));
}

function runOffer({ run, runbook, state, requester }: RunView): Offer {
  return [run, `${runbook}, ${state}, by ${requester}`];
}

function incidents(all: RunView[]): Offer[] {
  const ids = [...new Set(all.map(({ incident }) => incident))];
  return ids.map((id) => [
    id,
    `incident with ${all
      .filter(({ incident }) => incident === id)
      .map(({ runbook }) => runbook)
      .join(', ')}`,
  ]);
}
