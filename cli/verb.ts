/** How a verb is declared: every verb has `--json`, `--workspace` and examples; those that speak have who speaks. */
import { type Command, Option } from 'commander';

/** A verb with what all have in common. `usage` is the name with its arguments: `watch <run>`. */
export function verb(
  program: Command,
  usage: string,
  summary: string,
  examples: string[],
  workspace = 'FIREBREAK_WORKSPACE, else here',
): Command {
  return program
    .command(usage)
    .description(summary)
    .addOption(new Option('--json', 'answer with one JSON document on stdout'))
    .addOption(
      new Option('--workspace <dir>', `the folder with firebreak.yaml and people.yaml (default: ${workspace})`),
    )
    .addHelpText('after', examplesText(examples));
}

/** For a command that only has commands of its own. */
export function group(program: Command, name: string, summary: string, examples: string[]): Command {
  return program.command(name).description(summary).addHelpText('after', examplesText(examples));
}

function examplesText(examples: string[]): string {
  return `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}\n`;
}

/** A verb that says something as a person: shown, confirmed at a terminal, signed with the person's own SSH key. */
export function speakingVerb(program: Command, usage: string, summary: string, examples: string[]): Command {
  return signedVerb(program, usage, summary, examples).option(
    '--reason <text>',
    'why, for those who decide and for the record',
  );
}

/** One whose text is all that it says: a reason besides would be lost. */
export function signedVerb(program: Command, usage: string, summary: string, examples: string[]): Command {
  return verb(program, usage, summary, examples)
    .option('--as <principal>', 'who speaks (default: whoever has the key in people.yaml)')
    .option('--key <file>', 'SSH key to sign with (default: FIREBREAK_KEY, else ~/.ssh/id_ed25519)')
    .option('--yes', 'sign without asking at the terminal');
}
