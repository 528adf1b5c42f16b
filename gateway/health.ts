/** What the gateway can reach, asked now and each within a short time, so that `doctor` answers while something hangs. */
import type { Client } from '@temporalio/client';
import type { Bundle, SlackSettings } from '../core/installation.js';
import type { Store } from '../journal/store.js';
import type { Health } from './api.js';
import { within } from './within.js';

export interface Parts {
  client: Client;
  store: Store;
  bundle: () => Promise<Bundle>;
  /** Asks Slack who we are; undefined where none is configured. */
  slack?: () => Promise<string>;
}

/** For one part, in milliseconds. */
const partMs = 2_000;

export async function healthOf({ client, store, bundle, slack }: Parts): Promise<Health> {
  const asks: [string, () => Promise<string>][] = [
    ['journal', async () => `${(await store.chains()).length} chains`],
    [
      'configuration',
      async () =>
        `${Object.keys((await bundle()).runbooks).length} runbooks in ${(await bundle()).installation.environment}`,
    ],
    ['temporal', () => temporal(client)],
  ];
  if (slack !== undefined) asks.push(['slack', slack]);
  const parts = await Promise.all(asks.map(([name, ask]) => part(name, ask)));
  return { ok: parts.every(({ ok }) => ok), parts };
}

async function temporal(client: Client): Promise<string> {
  const { namespace } = client.workflow.options;
  await client.withDeadline(Date.now() + partMs, () =>
    client.connection.workflowService.describeNamespace({ namespace }),
  );
  return `namespace ${namespace}`;
}

async function part(name: string, ask: () => Promise<string>): Promise<Health['parts'][number]> {
  try {
    const says = await within(partMs, ask());
    return says === undefined
      ? { name, ok: false, says: `no answer within ${partMs / 1000} s` }
      : { name, ok: true, says };
  } catch (error) {
    return { name, ok: false, says: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether Slack takes the bot token, and for which workspace. */
export async function reachSlack(
  { team, apiUrl = 'https://slack.com/api/' }: SlackSettings,
  botToken: string,
): Promise<string> {
  const response = await fetch(`${apiUrl.replace(/\/?$/, '/')}auth.test`, {
    method: 'POST',
    headers: { authorization: `Bearer ${botToken}` },
    signal: AbortSignal.timeout(partMs),
  });
  const { ok, error, team_id: found } = (await response.json()) as { ok: boolean; error?: string; team_id?: string };
  if (!ok) throw new Error(`Slack refuses the bot token: ${error ?? 'it gives no reason'}`);
  if (found !== team) throw new Error(`the bot token is for workspace ${found ?? 'unknown'}, not ${team}`);
  return `workspace ${team}`;
}
