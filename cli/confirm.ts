/** Asks before something is signed. Only where a person sits at the terminal; a script has said what it wants. */
import { createInterface } from 'node:readline/promises';
import { CliError, exitCodes } from './exit-codes.js';

/** Returns when the person agrees, throws when not. */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw new CliError(exitCodes.failed, 'speaker.declined', 'Nothing was signed and nothing was said.', {
    nextStep: 'look again, and repeat the command when you agree.',
  });
}
