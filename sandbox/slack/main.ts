/** The sandbox's Slack as a process of its own, so that a gateway can be killed and started again while Slack stays. */
import { parseArgs } from 'node:util';
import { openControl } from './control.js';
import { openSandboxSlack, sandboxBot, sandboxTeam } from './server.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
    'request-url': { type: 'string', default: '' },
    'bot-token': { type: 'string' },
    'signing-secret': { type: 'string' },
  },
});

const slack = await openSandboxSlack({
  port: Number(values.port),
  requestUrl: values['request-url'],
  ...(values['bot-token'] === undefined ? {} : { botToken: values['bot-token'] }),
  ...(values['signing-secret'] === undefined ? {} : { signingSecret: values['signing-secret'] }),
});
const control = await openControl(slack, Number(values['control-port']));

// One line, so that whoever started it can read where it listens and what to configure.
const { url, apiUrl, botToken, signingSecret, channel, state } = slack;
process.stdout.write(
  `${JSON.stringify({ url, apiUrl, control: control.url, team: sandboxTeam, channel, ...sandboxBot, botToken, signingSecret, users: [...state.users.values()] })}\n`,
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    Promise.all([slack.close(), control.close()]).then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  });
}
