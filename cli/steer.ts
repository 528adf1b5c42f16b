/** `retry`, `pause`, `resume`, `skip`, `cancel`, `extend`, `hand-over`, `note`: about a run as it goes. */
import { parseDuration } from '../core/duration.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { speakAndTell, type SpeakOptions } from './speak.js';

export interface RetryOptions extends SpeakOptions {
  step?: string;
}

export async function retry(call: Call<RetryOptions>, run: string): Promise<ExitCode> {
  const { step } = call.options;
  return speakAndTell(call, { verb: 'retry', run, ...(step === undefined ? {} : { step }), ...reasonOf(call) });
}

export async function cancel(call: Call<SpeakOptions>, run: string): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'cancel', run, ...reasonOf(call) });
}

export async function extend(call: Call<SpeakOptions>, run: string, duration: string): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'extend', run, byMs: readDuration(duration), ...reasonOf(call) });
}

/** As long as a responder may pause alone, where no duration is given. */
export async function pause(call: Call<SpeakOptions>, run: string, duration = '15m'): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'pause', run, byMs: readDuration(duration), ...reasonOf(call) });
}

export async function resume(call: Call<SpeakOptions>, run: string): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'resume', run, ...reasonOf(call) });
}

export async function skip(call: Call<SpeakOptions>, run: string, step: string): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'skip', run, step, ...reasonOf(call) });
}

export async function handOver(call: Call<SpeakOptions>, run: string, to: string): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'hand-over', run, to, ...reasonOf(call) });
}

export async function note(call: Call<SpeakOptions>, run: string, words: string[]): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'note', run, reason: words.join(' ') });
}

function reasonOf({ options: { reason } }: Call<SpeakOptions>): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

function readDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new CliError(exitCodes.badInput, 'duration.unreadable', `"${text}" is no duration.`, {
    nextStep: 'write one such as 30m, 2h or 1d.',
  });
}
