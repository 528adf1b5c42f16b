/** How Slack signs what it sends to an app; https://docs.slack.dev/authentication/verifying-requests-from-slack. */
import { createHmac } from 'node:crypto';

/** `v0=` and the hex HMAC-SHA256 over `v0:{timestamp}:{body}`; the timestamp is in seconds. */
export function signatureOf(signingSecret: string, timestamp: number, body: string | Uint8Array): string {
  return `v0=${createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
}
