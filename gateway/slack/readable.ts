/**
 * Whether a request, verified already, has the shape of what this app takes from Slack: a slash command or a click. Looked at
 * before Bolt, which takes the shape for granted and, where it is another one, would end the process.
 */
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';

/** What is looked at before Bolt takes over. */
export interface Readable {
  team: string;
  user: string;
  /** What was typed after the slash command. */
  text?: string;
  /** What was clicked. */
  button?: { id: string; value: string };
}

const command = z
  .looseObject({
    command: z.string().startsWith('/'),
    user_id: z.string(),
    team_id: z.string(),
    text: z.string().default(''),
  })
  .transform(({ team_id: team, user_id: user, text }): Readable => ({ team, user, text }));

const click = z
  .looseObject({
    type: z.literal('block_actions'),
    user: z.looseObject({ id: z.string(), team_id: z.string().nullish() }),
    team: z.looseObject({ id: z.string() }).nullish(),
    actions: z.tuple(
      [z.looseObject({ type: z.string(), action_id: z.string(), value: z.string().nullish() })],
      z.looseObject({ type: z.string(), action_id: z.string() }),
    ),
  })
  .transform(
    ({ user, team, actions: [{ action_id: id, value }] }): Readable => ({
      team: user.team_id ?? team?.id ?? '',
      user: user.id,
      button: { id, value: value ?? '' },
    }),
  );

export function readRequest(body: Uint8Array): Readable {
  const fields = Object.fromEntries(new URLSearchParams(Buffer.from(body).toString('utf8')));
  const { payload } = fields;
  const read = payload === undefined ? command.safeParse(fields) : click.safeParse(parsed(payload));
  if (read.success) return read.data;
  const why = z.prettifyError(read.error).replaceAll(/\s+/g, ' ');
  throw new FirebreakError(
    'slack.unreadable',
    `A request to the Slack endpoint is neither a command nor a click: ${why}`,
    {
      nextStep: "see what else the Slack app sends here: only its slash command and interactivity are this gateway's.",
    },
  );
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined; // The shape refuses it.
  }
}
