/**
 * What every error of this project carries: what failed and where in the message, what to do next in `nextStep`.
 * `code` is stable and may be matched by callers; `isTerminal` says that trying again cannot help.
 */
export class FirebreakError extends Error {
  readonly code: string;
  readonly nextStep: string;
  readonly isTerminal: boolean;
  readonly target: string | undefined;

  constructor(
    code: string,
    message: string,
    options: { nextStep: string; isTerminal?: boolean; target?: string; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FirebreakError';
    this.code = code;
    this.nextStep = options.nextStep;
    this.isTerminal = options.isTerminal ?? true;
    this.target = options.target;
  }
}

/** The message a person reads: what happened, then the next step. */
export function sentence(error: FirebreakError): string {
  return `${error.message} Next: ${error.nextStep}`;
}
