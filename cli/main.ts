#!/usr/bin/env node
/** The `firebreak` command. Each verb's code is loaded when it is called, so that help answers at once. */
import { Command, CommanderError } from 'commander';
import { CliError, exitCodes } from './exit-codes.js';
import { openOutput } from './output.js';
import { version } from './version.js';
import { declareVerbsForLooking } from './verbs-for-looking.js';
import { declareVerbsForProcesses } from './verbs-for-processes.js';
import { declareVerbsForRuns } from './verbs-for-runs.js';

const program = new Command('firebreak')
  .description('Incident-response runbooks that do not stop half-way and cannot be started by one pair of hands.')
  .version(version(), '--version', 'print the version')
  .helpOption('-h, --help', 'show help')
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    '\nNew here: `firebreak demo` shows it, `firebreak sandbox up` is a place to try, `firebreak init` makes a workspace.\nExit codes: 0 done · 1 what was asked about failed · 2 bad input or usage · 3 something needed cannot be reached\n',
  );

declareVerbsForRuns(program);
declareVerbsForLooking(program);
declareVerbsForProcesses(program);
throwInsteadOfExit(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode === 0) process.exitCode = exitCodes.done;
  else usageError(error);
}

/** Commander would end the process, and would say it without a next step. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const sub of command.commands) throwInsteadOfExit(sub);
}

function usageError({ message, code }: CommanderError): void {
  process.exitCode = exitCodes.badInput;
  // Called without a verb: the help was printed already.
  if (code === 'commander.help') return;
  const verb = program.commands.find((each) => each.name() === process.argv[2])?.name();
  const nextStep = `see \`firebreak ${verb === undefined ? '' : `${verb} `}--help\`.`;
  const usage = new CliError(exitCodes.badInput, 'cli.usage', sentenceOf(message), { nextStep });
  openOutput(process.argv.includes('--json')).error(usage);
}

function sentenceOf(message: string): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?)]$/.test(text) ? '' : '.'}`;
}
