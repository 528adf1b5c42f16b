import { formatDuration } from './duration.js';
import type { Request } from './gate.js';
import type { Verb } from './verbs.js';

/** `skip of "call-owner"`, `pause by 2h`, `cancel`: what somebody asks for, for those who decide. */
export function requestName(verb: Verb, { step, byMs }: Partial<Request> = {}): string {
  const of = step === undefined ? '' : ` of "${step}"`;
  return `${verb}${of}${byMs === undefined ? '' : ` by ${formatDuration(byMs)}`}`;
}
