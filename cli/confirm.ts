/** Asks before something is signed. Only where a person sits at the terminal; a script has said what it wants. */
import { createInterface } from 'node:readline/promises';
import { CliError, exitCodes } from './exit-codes.js';

export interface Terminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream;
}

/** Returns when the person agrees, throws when not. */
export async function confirm(
  question: string,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (input.isTTY !== true) return;
  const answer = await ask(`${question} [y/N] `, { input, output });
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new CliError(exitCodes.failed, 'speaker.declined', 'Nothing was signed and nothing was said.', {
    nextStep: 'look again, and repeat the command when you agree.',
  });
}

/** What was typed; Ctrl-C, Ctrl-D and a terminal that goes away are an answer too: not yes. */
async function ask(question: string, { input, output }: Terminal): Promise<string> {
  const terminal = createInterface({ input, output });
  const left = new AbortController();
  for (const gone of ['SIGINT', 'close']) terminal.once(gone, () => left.abort());
  try {
    return await terminal.question(question, { signal: left.signal });
  } catch (error) {
    if (!left.signal.aborted) throw error;
    output.write('\n');
    return '';
  } finally {
    terminal.close();
  }
}
