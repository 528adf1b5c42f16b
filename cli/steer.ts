/** `retry`, `cancel`, `extend`, `note`: about a run as it goes. */
import { parseDuration } from '../core/duration.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { speakAndTell, type SpeakOptions } from './speak.js';

export interface RetryOptions extends SpeakOptions {
  step?: string;
}

export async function retry(call: Call<RetryOptions>, run: string): Promise<ExitCode> {
  const { step, reason } = call.options;
  return speakAndTell(call, {
    verb: 'retry',
    run,
    ...(step === undefined ? {} : { step }),
    ...(reason === undefined ? {} : { reason }),
  });
}

export async function cancel(call: Call<SpeakOptions>, run: string): Promise<ExitCode> {
  const { reason } = call.options;
  return speakAndTell(call, { verb: 'cancel', run, ...(reason === undefined ? {} : { reason }) });
}

export async function extend(call: Call<SpeakOptions>, run: string, duration: string): Promise<ExitCode> {
  const byMs = parseDuration(duration);
  if (byMs === undefined || byMs === 0) {
    throw new CliError(exitCodes.badInput, 'duration.unreadable', `"${duration}" is no duration.`, {
      nextStep: 'write one such as 30m, 2h or 1d.',
    });
  }
  const { reason } = call.options;
  return speakAndTell(call, {
    verb: 'extend',
    run,
    byMs,
    ...(reason === undefined ? {} : { reason }),
  });
}

export async function note(call: Call<SpeakOptions>, run: string, words: string[]): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'note', run, reason: words.join(' ') });
}
