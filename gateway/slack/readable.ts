/**
 * Whether a request, verified already, has the shape of what this app takes from Slack: a slash command or a click. Looked at
 * before Bolt, which takes the shape for granted and, where it is another one, would end the process.
 */
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';

const command = z.looseObject({ command: z.string().startsWith('/'), user_id: z.string(), team_id: z.string() });

const click = z.looseObject({
  type: z.literal('block_actions'),
  user: z.looseObject({ id: z.string() }),
  actions: z.array(z.looseObject({ type: z.string(), action_id: z.string() })).min(1),
});

export function refuseUnreadable(body: Uint8Array): void {
  const fields = Object.fromEntries(new URLSearchParams(Buffer.from(body).toString('utf8')));
  const { payload } = fields;
  const read = payload === undefined ? command.safeParse(fields) : click.safeParse(parsed(payload));
  if (read.success) return;
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
