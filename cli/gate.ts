/** `approve`, `deny`, `withdraw`: what is asked is shown, signed by the person's own key, and ruled at once. */
import type { ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { speakAndTell, type SpeakOptions } from './speak.js';

export interface GateOptions extends SpeakOptions {
  gate?: string;
}

export async function answerGate(
  call: Call<GateOptions>,
  verb: 'approve' | 'deny' | 'withdraw',
  run: string,
): Promise<ExitCode> {
  const { gate, reason } = call.options;
  return speakAndTell(call, {
    verb,
    run,
    ...(gate === undefined ? {} : { gate }),
    ...(reason === undefined ? {} : { reason }),
  });
}
