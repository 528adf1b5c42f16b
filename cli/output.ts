/**
 * Where words go: answers to stdout, progress and logs to stderr. With `--json` stdout carries exactly one document,
 * and everything for the eyes moves to stderr.
 */
import { FirebreakError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { visible } from './visible.js';

export interface Output {
  json: boolean;
  /** A line of the answer as it grows, for the eyes. */
  line(text: string): void;
  /** What is being done, waited for, or about to be signed. */
  progress(text: string): void;
  /** The answer: the document with `--json`, else the lines. Once a call. */
  answer(document: unknown, lines: string[]): void;
  error(error: unknown): void;
}

export function openOutput(json: boolean): Output {
  return {
    json,
    line: json ? toStderr : toStdout,
    progress: toStderr,
    answer: (document, lines) => (json ? toStdout(JSON.stringify(document, null, 2)) : lines.forEach(toStdout)),
    error: (error) => {
      const { code, message, nextStep } = errorFields(error);
      if (json) toStdout(JSON.stringify({ error: { code, message, nextStep } } satisfies Json, null, 2));
      else toStderr(`${message}\nNext: ${nextStep}`);
    },
  };
}

function errorFields(error: unknown): { code: string; message: string; nextStep: string } {
  if (error instanceof FirebreakError) return error;
  const message =
    error instanceof Error
      ? process.env['FIREBREAK_LOG'] === 'debug'
        ? (error.stack ?? error.message)
        : error.message
      : String(error);
  return {
    code: 'cli.fault',
    message: `${message} (this is a bug)`,
    nextStep: 'report it with what you typed; FIREBREAK_LOG=debug shows where it happened.',
  };
}

function toStdout(text: string): void {
  process.stdout.write(`${visible(text)}\n`);
}

function toStderr(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}
