/** `undo` and `release`: new runs that put back what was there; they ask before they do. */
import type { Prepare } from '../gateway/api.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { codeOf, speak, type SpeakOptions, tell } from './speak.js';
import { followAndTell, needsPeople } from './watch.js';

export interface ExchangeOptions extends SpeakOptions {
  step?: string;
  detach?: boolean;
}

export async function release(call: Call<ExchangeOptions>, of: string): Promise<ExitCode> {
  return exchange(call, { verb: 'release', of, ...withReason(call.options) });
}

export async function undo(call: Call<ExchangeOptions>, run: string): Promise<ExitCode> {
  const { step } = call.options;
  return exchange(call, { verb: 'undo', run, ...(step === undefined ? {} : { step }), ...withReason(call.options) });
}

function withReason({ reason }: SpeakOptions): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

async function exchange(call: Call<ExchangeOptions>, ask: Prepare): Promise<ExitCode> {
  const { said } = await speak(call, ask);
  for (const line of tell(ask.verb, said)) call.out.progress(line);
  if (call.options.detach !== true && codeOf(said) === exitCodes.done)
    return followAndTell(call.out, said.run, needsPeople);
  call.out.answer({ ...said, next: `firebreak watch ${said.run}` }, [`Next: firebreak watch ${said.run}`]);
  return codeOf(said);
}
