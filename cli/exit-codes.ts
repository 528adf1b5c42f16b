/** What a script can rely on: 0 done · 1 what was asked about failed · 2 bad input or usage · 3 something needed cannot be reached. */
import { FirebreakError } from '../core/errors.js';

export const exitCodes = { done: 0, failed: 1, badInput: 2, unreachable: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An error whose exit code is known where it is thrown. */
export class CliError extends FirebreakError {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, code: string, message: string, options: { nextStep: string; cause?: unknown }) {
    super(code, message, { ...options, isTerminal: exitCode !== exitCodes.unreachable });
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** Errors of the project's own code are about input unless they may pass by themselves; anything else is a bug and a failure. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof FirebreakError) return error.isTerminal ? exitCodes.badInput : exitCodes.unreachable;
  return exitCodes.failed;
}
