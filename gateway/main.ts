/**
 * A process: the gateway of a workspace. Needs neither Temporal nor Slack to start: what people say is kept and delivered
 * when they are there. Ends with its parent.
 */
import type { RequestListener } from 'node:http';
import { FirebreakError, sentence } from '../core/errors.js';
import type { SecretRef, SlackSettings } from '../core/installation.js';
import { signerOf } from '../journal/signer.js';
import { bundleSource } from '../worker/bundle-source.js';
import { openClient, temporalOf } from '../worker/connection.js';
import { dataConverterOf } from '../worker/data-converter.js';
import { openKeys } from '../worker/keys.js';
import { openLog } from '../worker/log.js';
import { openStore } from '../worker/open-store.js';
import { readPayloadKeys } from '../worker/payload-keys.js';
import { readSecret } from '../worker/secrets.js';
import { openWorkspace, workspaceAt } from '../worker/workspace.js';
import { type Door, openDoor } from './door.js';
import { keptToken, writeGatewayFile } from './gateway-file.js';
import { healthOf, reachSlack } from './health.js';
import { openHooks } from './hooks/app.js';
import { serve } from './server.js';
import { exportTimeline } from './timeline.js';

const known = new Set<string>();
const log = openLog({ process: 'gateway', known });

try {
  await main();
} catch (error) {
  log.error({ error }, error instanceof FirebreakError ? sentence(error) : 'the gateway failed');
  process.exitCode = 1;
  leaveParent();
}

async function main(): Promise<void> {
  const workspace = openWorkspace(workspaceAt());
  const keys = openKeys(workspace);
  const token = keptToken(workspace);
  known.add(token);
  const bundle = bundleSource(workspace, log);
  const { installation } = await bundle();
  const secret = (ref: SecretRef): string => {
    const value = readSecret(ref, workspace.root);
    known.add(value);
    return value;
  };
  const payloadKeys = readPayloadKeys(installation, secret, (error) =>
    log.warn({ error }, 'a payload key cannot be read, what is encrypted with it waits'),
  );
  const store = await openStore({ workspace, installation, signer: signerOf(keys.journal), known });
  const client = openClient(await temporalOf(workspace), dataConverterOf(payloadKeys));
  const door = openDoor({ client, store, bundle, log });

  const slack = installation.slack === undefined ? undefined : await connectSlack(installation.slack, secret, door);
  const hooks = openHooks({ door, signer: signerOf(keys.gateway), secret, log, now: Date.now });
  const server = await serve(
    {
      door,
      token,
      log,
      health: () => healthOf({ client, store, bundle, ...(slack && { slack: slack.reach }) }),
      timeline: async (incident, format) =>
        exportTimeline({ store, signer: signerOf(keys.journal), bundle: await bundle() }, incident, format),
      ...(slack && { slack: slack.listener }),
      hooks: hooks.listener,
    },
    installation.gateway,
  );
  writeGatewayFile(workspace, { url: server.url, token, pid: process.pid });
  log.info({ url: server.url }, 'the gateway answers');
  process.send?.('ready');

  await toldToEnd();
  log.info({}, 'the gateway ends');
  await server.end();
  await slack?.stop();
  await hooks.end();
  await door.end();
  await client.connection.close();
  await store.end();
  leaveParent();

  async function connectSlack(settings: SlackSettings, read: typeof secret, to: Door): Promise<SlackFront> {
    const secrets = { botToken: read(settings.botToken), signingSecret: read(settings.signingSecret) };
    const { openSlack } = await import('./slack/app.js');
    const app = openSlack({ settings, secrets, door: to, store, signer: signerOf(keys.gateway), log });
    app.start();
    return {
      listener: (request, response) => app.listener(request, response),
      stop: () => app.stop(),
      reach: () => reachSlack(settings, secrets.botToken),
    };
  }
}

interface SlackFront {
  listener: RequestListener;
  stop: () => Promise<void>;
  reach: () => Promise<string>;
}

/** By a signal, or because the parent is gone: nobody would restart or stop us any more. */
function toldToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    process.once('disconnect', () => resolve());
  });
}

/** The channel to the parent would keep the process. */
function leaveParent(): void {
  if (process.connected) process.disconnect();
}
