// The sandbox's Slack as a process: it says where it listens, is driven from outside, and outlives the gateway. Runs from the build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebClient } from '@slack/web-api';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../../dist/sandbox/slack/main.js', import.meta.url));

test('it prints one line with its addresses, serves, obeys its control port and ends on SIGTERM', async () => {
  const slack = spawn(process.execPath, [main, '--bot-token', 'xoxb-sandbox-process', '--signing-secret', 'shh'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(createInterface(slack.stdout), 'line')) as [string];
    const at = JSON.parse(line) as { apiUrl: string; control: string; channel: string; botToken: string };
    expect(at).toMatchObject({ botToken: 'xoxb-sandbox-process', signingSecret: 'shh', team: 'T0SANDBOX' });
    const client = new WebClient(at.botToken, { slackApiUrl: at.apiUrl });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
    await client.chat.postMessage({ channel: at.channel, text: 'hello' });
    const messages = await (await fetch(`${at.control}messages`)).json();
    expect(messages).toMatchObject([{ versions: [{ text: 'hello' }] }]);
  } finally {
    slack.kill('SIGTERM');
    expect(await once(slack, 'exit')).toEqual([0, null]);
  }
});
