/** A launch that was received and that the engine has not taken up: said and kept, and not yet a run. */
import type { KeptLaunch } from '../gateway/api.js';
import type { Gateway } from './gateway-client.js';

export const keptState = 'received, being delivered';

/** To be asked before the run itself: a launch is kept until the journal has its run, so that one of the two has it. */
export async function keptLaunch(gateway: Gateway, run: string): Promise<KeptLaunch | undefined> {
  return (await gateway.waiting()).find((each) => each.run === run);
}

export function keptLine({ run, verb, runbook, by, receivedAt }: KeptLaunch): string {
  return `${run}: ${verb} of ${runbook} by ${by}: ${keptState} since ${receivedAt}.`;
}

export const keptNext =
  'say nothing again; it is delivered as soon as the engine can be reached, and `firebreak doctor` tells what is away.';
