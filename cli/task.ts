/** `confirm`, `choose`: what a run asked people to do by hand or to decide. */
import type { ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { speakAndTell, type SpeakOptions } from './speak.js';

export interface TaskOptions extends SpeakOptions {
  step?: string;
}

export async function confirmTask(call: Call<TaskOptions>, run: string): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'confirm', run, ...said(call.options) });
}

export async function choose(call: Call<TaskOptions>, run: string, choice: string): Promise<ExitCode> {
  return speakAndTell(call, { verb: 'choose', run, choice, ...said(call.options) });
}

function said({ step, reason }: TaskOptions): { step?: string; reason?: string } {
  return { ...(step === undefined ? {} : { step }), ...(reason === undefined ? {} : { reason }) };
}
