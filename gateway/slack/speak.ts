/**
 * From a verified Slack request to a statement that is kept and ruled upon. The gateway attests what it saw: the request's
 * projection and digest (its body holds tokens), and what Slack said of the account at this moment.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebClient } from '@slack/web-api';
import { approvalValidMsDefault } from '../../core/gate.js';
import { same } from '../../core/canonical.js';
import { FirebreakError } from '../../core/errors.js';
import { installationChain } from '../../core/event.js';
import type { Installation } from '../../core/installation.js';
import type { PrincipalId } from '../../core/json.js';
import type { GateAbout, SlackProof, Statement } from '../../core/statement.js';
import { digestOf } from '../../journal/digest.js';
import { attest } from '../../journal/proof.js';
import type { Signer } from '../../journal/store.js';
import { beingDelivered, type Prepare, type Prepared, type Said } from '../api.js';
import type { Door } from '../door.js';
import type { Log } from '../log.js';
import { askSlack, principalOf, type SlackAccount } from './identity.js';
import type { VerifiedRequest } from './request.js';

/** What the Slack front end asks of the gateway. Slack decides nothing: it verifies, attests, passes on and shows. */
export type SlackDoor = Pick<Door, 'prepare' | 'say' | 'view' | 'plan' | 'runs' | 'holds' | 'bundle' | 'store'>;

export interface Speaking {
  door: SlackDoor;
  client: WebClient;
  settings: NonNullable<Installation['slack']>;
  signer: Signer;
  log: Log;
  now: () => number;
  /** Ends the waiting for late rulings when the gateway stops. */
  stopping: AbortSignal;
}

/** Who clicked or typed, and the request that says so. */
export interface Heard {
  account: SlackAccount;
  request: VerifiedRequest;
  /** The text typed after the slash, or the button's id and value; what the proof shows of the request. */
  command?: string;
  action?: string;
}

export interface Spoken {
  by: PrincipalId;
  prepared: Prepared;
  said: Said;
}

export interface HowToSpeak {
  /** The card's, so that two clicks on it are one statement. */
  nonce?: string;
  /** What the person was shown: if the gate asks about something else by now, nothing is said. */
  shown?: GateAbout;
  /** How to say the same from a terminal, for when Slack cannot be used. */
  terminal: string;
}

/** As much as a statement can hold, in characters. */
const reasonMax = 3_000;
const projectionMax = 4_000;
/** A launch is about the world as it is now. */
const launchValidMs = 10 * 60_000;
/** For how long a ruling is waited for that the engine did not give at once; after that the cards show it. */
const ruledWithinMs = 10 * 60_000;
const askAgainMs = 1_000;

/** Throws a `FirebreakError` for everything that does not count; refusals before there is a statement are journaled here. */
export async function speak(speaking: Speaking, heard: Heard, ask: Prepare, how: HowToSpeak): Promise<Spoken> {
  const { by, account } = await whoSpeaks(speaking, heard, ask, how.terminal);
  refuseTooLong(ask.reason, heard);
  const prepared = await speaking.door.prepare(ask, by, how.nonce === undefined ? {} : { nonce: how.nonce });
  if (how.shown !== undefined && !same(how.shown, prepared.about)) {
    throw new FirebreakError('card.outdated', 'What is asked now is not what this card shows, so nothing was said.', {
      nextStep: 'look at the newest card of this run and decide on that.',
    });
  }
  const said = await ruling(speaking, await stated(speaking, heard, ask, prepared, by, account));
  return { by, prepared, said };
}

async function whoSpeaks(
  speaking: Speaking,
  heard: Heard,
  ask: Prepare,
  command: string,
): Promise<{ by: PrincipalId; account: SlackProof['account'] }> {
  const terminal = `say it from a terminal: \`${command}\`.`;
  try {
    const { people } = await speaking.door.bundle();
    const by = principalOf(people, speaking.settings.team, heard.account);
    return { by, account: await askSlack(speaking.client, heard.account, { now: speaking.now, terminal }) };
  } catch (error) {
    if (error instanceof FirebreakError) await journalRefusal(speaking, heard, ask, error);
    throw error;
  }
}

/** An outsider who tries is worth knowing of, though there is no principal in whose name it could be recorded. */
async function journalRefusal(
  { door, now }: Speaking,
  { account, request }: Heard,
  ask: Prepare,
  { code, message }: FirebreakError,
): Promise<void> {
  const run = 'run' in ask ? (await door.view(ask.run))?.view : undefined;
  await door.store.append([
    {
      chain: run?.incident ?? installationChain,
      id: `slack-refused-${digestOf([request.signature, code]).slice('sha256:'.length)}`,
      ...(run === undefined ? {} : { run: run.run }),
      occurredAt: new Date(now()).toISOString(),
      actor: 'gateway',
      action: 'statement.refused',
      data: {
        verb: ask.verb,
        code,
        reason: message,
        statement: request.body,
        slack: { team: account.team, user: account.user },
      },
    },
  ]);
}

function refuseTooLong(reason: string | undefined, { command = '', action = '' }: Heard): void {
  if ((reason ?? '').length <= reasonMax && command.length <= projectionMax && action.length <= projectionMax) return;
  throw new FirebreakError(
    'command.too-long',
    `A reason has at most ${reasonMax} characters and a command ${projectionMax}; nothing was said.`,
    {
      nextStep: 'say it shorter, or from a terminal.',
    },
  );
}

async function stated(
  { door, signer, now }: Speaking,
  { account: from, request, command, action }: Heard,
  ask: Prepare,
  { about, nonce }: Prepared,
  by: PrincipalId,
  account: SlackProof['account'],
): Promise<Statement> {
  const at = now();
  return attest(
    {
      version: 1,
      verb: ask.verb,
      about,
      by,
      at: new Date(at).toISOString(),
      validUntil: new Date(
        at + (about.kind === 'gate' ? await approvalValidMs(door, about) : launchValidMs),
      ).toISOString(),
      nonce,
      ...(ask.reason === undefined ? {} : { reason: ask.reason }),
      proof: {
        kind: 'slack',
        key: signer.key,
        request: {
          team: from.team,
          user: from.user,
          ...(from.enterprise === undefined ? {} : { enterprise: from.enterprise }),
          timestamp: request.timestamp,
          body: request.body,
          ...(command === undefined ? {} : { command }),
          ...(action === undefined ? {} : { action }),
        },
        account,
      },
    },
    signer,
  );
}

async function approvalValidMs(door: SlackDoor, about: GateAbout): Promise<number> {
  const asks = (await door.view(about.run))?.view.asks ?? [];
  return asks.find((ask) => same(ask.about, about))?.spec.approvalValidMs ?? approvalValidMsDefault;
}

/** The same statement is said again until the engine has ruled; it is one statement to the engine however often it comes. */
async function ruling({ door, now, stopping }: Speaking, statement: Statement): Promise<Said> {
  const until = now() + ruledWithinMs;
  let said = await door.say(statement);
  while (said.outcome === beingDelivered && now() < until && !stopping.aborted) {
    await sleep(askAgainMs, undefined, { ref: false });
    said = await door.say(statement);
  }
  return said;
}
