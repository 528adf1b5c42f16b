/**
 * Who speaks: the principal of a Slack account, and what Slack says of that account at this moment. Being in a channel
 * gives no authority, and a session may outlive its account, so Slack is asked at every statement. When it cannot be asked,
 * nothing said through Slack counts; the terminal remains.
 */
import { type WebClient, WebAPIPlatformError } from '@slack/web-api';
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import type { PrincipalId } from '../../core/json.js';
import { bySlack, type People } from '../../core/people.js';
import type { SlackProof } from '../../core/statement.js';

/** A Slack account as a verified request names it. */
export interface SlackAccount {
  /** The workspace that the account belongs to. */
  team: string;
  user: string;
  enterprise?: string;
}

const account = z.object({
  id: z.string(),
  team_id: z.string(),
  deleted: z.boolean(),
  is_bot: z.boolean(),
  is_restricted: z.boolean(),
  is_ultra_restricted: z.boolean(),
  is_stranger: z.boolean().default(false),
});

/** The directory's answer alone: enough to be shown something, not to say something. */
export function principalOf(people: People, team: string, from: SlackAccount): PrincipalId {
  if (from.team !== team) {
    throw refusal(
      'slack.other-team',
      'Your Slack account belongs to another workspace.',
      'ask a colleague of this workspace to say it.',
    );
  }
  const principal = bySlack(people, from.team, from.user);
  if (principal === undefined) {
    throw refusal(
      'person.unknown',
      `No single principal in people.yaml has the Slack account ${from.user}.`,
      `have \`slack: [{ team: ${from.team}, user: ${from.user} }]\` added under yours.`,
    );
  }
  if (principal.revokedAt !== undefined) {
    throw refusal('person.revoked', `${principal.id} was revoked at ${principal.revokedAt}.`, 'ask another responder.');
  }
  return principal.id;
}

/** What Slack says of the account; throws when it is not an active, full member, or when Slack does not answer. */
export async function askSlack(
  client: WebClient,
  { team, user }: SlackAccount,
  { now, terminal }: { now: () => number; terminal: string },
): Promise<SlackProof['account']> {
  const found = await usersInfo(client, user, terminal);
  const read = account.safeParse(found);
  if (!read.success || read.data.id !== user) {
    throw refusal('slack.account-unclear', 'Slack did not say what kind of account yours is.', terminal);
  }
  const { deleted, is_bot: bot, is_stranger: stranger, team_id: home } = read.data;
  const restricted = read.data.is_restricted || read.data.is_ultra_restricted;
  if (deleted) throw refusal('slack.account-deleted', 'Your Slack account was deactivated.', terminal);
  if (bot) throw refusal('slack.account-bot', 'This Slack account is a bot; only people can say this.', terminal);
  if (restricted)
    throw refusal('slack.account-guest', 'Your Slack account is a guest; guests cannot say this.', terminal);
  if (stranger || home !== team)
    throw refusal('slack.account-stranger', 'Your Slack account is from outside this workspace.', terminal);
  return { deleted, bot, restricted, stranger, team: home, askedAt: new Date(now()).toISOString() };
}

async function usersInfo(client: WebClient, user: string, terminal: string): Promise<unknown> {
  try {
    return (await client.users.info({ user })).user;
  } catch (error) {
    if (error instanceof WebAPIPlatformError && error.data.error === 'user_not_found') {
      throw refusal('slack.account-unknown', 'Slack does not know this account.', terminal);
    }
    throw new FirebreakError(
      'slack.cannot-be-asked',
      'Slack could not be asked about your account, so what you said here does not count.',
      {
        nextStep: terminal,
        isTerminal: false,
        cause: error,
      },
    );
  }
}

function refusal(code: string, message: string, nextStep: string): FirebreakError {
  return new FirebreakError(code, message, { nextStep });
}
