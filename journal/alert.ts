/** An alert: what the sender names, and so the one run that it launches. */
import { shortId } from '../core/ids.js';
import { digestOf } from './digest.js';

export interface AlertNames {
  run: string;
  incident: string;
  nonce: string;
}

/** The same alert has the same names whenever and wherever it arrives: it launches once, whatever is forgotten meanwhile. */
export function namesOfAlert(hook: string, id: string): AlertNames {
  const hex = digestOf({ hook, id }).slice('sha256:'.length);
  const bytes = Buffer.from(hex, 'hex');
  return { run: shortId('run', bytes.subarray(0, 10)), incident: shortId('inc', bytes.subarray(10, 20)), nonce: hex };
}
