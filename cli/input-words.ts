/** Inputs as they are typed after a runbook, in a terminal as in Slack. */
import type { Json } from '../core/json.js';
import { CliError, exitCodes } from './exit-codes.js';

/** `NAME=VALUE` words; the same name again adds to a list. The gateway reads the texts by the types that the runbook gives. */
export function fromWords(words: string[]): Record<string, Json> {
  const inputs: Record<string, string[]> = {};
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1)
      throw unreadable(`"${word}" is no input`, 'write it as NAME=VALUE, for instance instances=i-0ab1c2d3e4f5a6b7c.');
    const name = word.slice(0, at);
    inputs[name] = [...(inputs[name] ?? []), word.slice(at + 1)];
  }
  return Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  );
}

export function unreadable(what: string, nextStep: string): CliError {
  return new CliError(exitCodes.badInput, 'input.unreadable', `${what}.`, { nextStep });
}
