/** A local copy of the world: AWS, Slack, and a workspace that points at them. Nothing in it reaches a real account. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../worker/ports.js';
import { type AwsSandbox, startAws } from './aws/start-aws.js';
import { claimSandbox, type secretNames } from './claim.js';
import { makeKeys, peopleYaml } from './people.js';
import { type Seeded, seedAws } from './seed.js';
import { openSandboxSlack, sandboxBot, type SandboxSlack, sandboxTeam } from './slack/server.js';

export const sandboxRegion = 'eu-west-1';

export interface World {
  root: string;
  aws: AwsSandbox;
  slack: SandboxSlack;
  seeded: Seeded;
  credentials: { accessKeyId: string; secretAccessKey: string };
  stop: () => Promise<void>;
}

export interface WorldOptions {
  /** The folder that becomes a workspace; made where it is missing. A workspace that is no sandbox is refused. */
  root: string;
  /** What waits for a person, such as the emulator's first installation. */
  tell?: (line: string) => void;
  /** How often what is in force is looked at. Default 1m. */
  watchEvery?: string;
  /** Others than those of nobody: to see where they go. */
  credentials?: World['credentials'];
  slackSecrets?: Pick<SandboxSlack, 'botToken' | 'signingSecret'>;
}

/** Emulators ask for keys and check none; these look like none of a real account. */
const ofNobody = { accessKeyId: 'AKIASANDBOXONLY00000', secretAccessKey: 'sandbox-secret-access-key-of-nobody' };

/** The SDK tells at its first use which Node its next year's versions want; ours is pinned, and the newcomer's screen is small. */
const quietSdk = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';

export async function openWorld({
  root,
  tell,
  watchEvery = '1m',
  credentials = ofNobody,
  slackSecrets,
}: WorldOptions): Promise<World> {
  process.env[quietSdk] ??= 'true';
  claimSandbox(root);
  mkdirSync(join(root, 'secrets'), { recursive: true, mode: 0o700 });
  makeKeys(root);
  const aws = await startAws(tell === undefined ? {} : { progress: tell });
  const slack = await openSandboxSlack(slackSecrets);
  const seeded = await seedAws(aws.url, sandboxRegion, credentials);
  const port = await freePort();
  slack.requestUrl = `http://127.0.0.1:${port}/slack/events`;
  writeSecrets(root, credentials, slack);
  writeFileSync(join(root, 'people.yaml'), peopleYaml(root, sandboxTeam, slackIdOf(slack)));
  writeFileSync(join(root, 'firebreak.yaml'), installationYaml(aws.url, slack, port, watchEvery));
  return {
    root,
    aws,
    slack,
    seeded,
    credentials,
    stop: async () => {
      await slack.close();
      await aws.stop();
    },
  };
}

function slackIdOf(slack: SandboxSlack): (person: string) => string {
  return (person) => {
    const user = [...slack.state.users.values()].find(({ name }) => name === person);
    if (user === undefined) throw new Error(`The sandbox Slack has no ${person} (this is a bug).`);
    return user.id;
  };
}

function writeSecrets(
  root: string,
  credentials: World['credentials'],
  { botToken, signingSecret }: SandboxSlack,
): void {
  const secrets: Record<(typeof secretNames)[number], string> = {
    'aws-access-key-id': credentials.accessKeyId,
    'aws-secret-access-key': credentials.secretAccessKey,
    'slack-bot-token': botToken,
    'slack-signing-secret': signingSecret,
  };
  for (const [name, value] of Object.entries(secrets))
    writeFileSync(join(root, 'secrets', name), value, { mode: 0o600 });
}

function installationYaml(endpoint: string, slack: SandboxSlack, port: number, watchEvery: string): string {
  return stringify({
    apiVersion: 'firebreak/v1',
    kind: 'Installation',
    environment: 'sandbox',
    systems: {
      aws: {
        kind: 'aws',
        region: sandboxRegion,
        endpoint,
        shown_on: 'emulator',
        credentials: { access_key_id: secret('aws-access-key-id'), secret_access_key: secret('aws-secret-access-key') },
      },
    },
    watch: { every: watchEvery },
    slack: {
      team: sandboxTeam,
      channel: slack.channel,
      bot_id: sandboxBot.botId,
      bot_user_id: sandboxBot.botUserId,
      bot_token: secret('slack-bot-token'),
      signing_secret: secret('slack-signing-secret'),
      api_url: slack.apiUrl,
    },
    gateway: { listen: `127.0.0.1:${port}` },
  });
}

function secret(name: string): { file: string } {
  return { file: `secrets/${name}` };
}
