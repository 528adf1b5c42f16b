/** How every statement of this command comes about: prepared by the gateway, shown, confirmed, signed here, said. */
import { approvalValidMsDefault } from '../core/gate.js';
import type { Statement } from '../core/statement.js';
import type { Prepare, Prepared } from '../gateway/api.js';
import { confirm } from './confirm.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { type Answered, openGateway } from './gateway-client.js';
import type { Call, CommonOptions } from './perform.js';
import { findSpeaker, type Speaker } from './speaker.js';

export interface SpeakOptions extends CommonOptions {
  as?: string;
  key?: string;
  yes?: boolean;
  reason?: string;
}

/** The gateway answers a statement within seconds; the key stays on this side. */
export async function speak(
  { options, out }: Call<SpeakOptions>,
  ask: Prepare,
): Promise<{ prepared: Prepared; said: Answered }> {
  const speaker = await findSpeaker(options);
  const gateway = openGateway();
  const prepared = await gateway.prepare({ ask, by: speaker.id });
  for (const line of prepared.shows) out.progress(line);
  if (options.yes !== true) await confirm(`Sign this as ${speaker.id}?`);
  const said = await gateway.say(await sign(speaker, ask, prepared));
  return { prepared, said };
}

/** Says it and prints what came of it. */
export async function speakAndTell(call: Call<SpeakOptions>, ask: Prepare): Promise<ExitCode> {
  const { said } = await speak(call, ask);
  call.out.answer(said, tell(ask.verb, said));
  return codeOf(said);
}

/** What was only received has not counted yet, and a script must not go on as if it had. */
export function codeOf({ counted }: Answered): ExitCode {
  return counted ? exitCodes.done : exitCodes.unreachable;
}

export function tell(verb: string, { run, outcome, counted }: Answered): string[] {
  if (counted) return [`${verb} ${run}: ${outcome}`];
  return [
    `${verb} ${run}: received and kept, but the engine has not answered yet.`,
    `Next: say nothing again, it is delivered as soon as the engine can be reached; \`firebreak doctor\` tells what is away.`,
  ];
}

async function sign(
  speaker: Speaker,
  { verb, reason }: Prepare,
  { about, validForMs, nonce }: Prepared,
): Promise<Statement> {
  const nowMs = Date.now();
  const unsigned: Statement = {
    version: 1,
    verb,
    about,
    by: speaker.id,
    at: new Date(nowMs).toISOString(),
    validUntil: new Date(nowMs + (validForMs ?? approvalValidMsDefault)).toISOString(),
    nonce,
    ...(reason === undefined ? {} : { reason }),
    proof: { kind: 'ssh', key: speaker.fingerprint, signature: '' },
  };
  return speaker.sign(unsigned);
}
