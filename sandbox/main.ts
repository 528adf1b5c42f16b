/** The sandbox as a process of its own, for `firebreak sandbox up`: lives until it is told to stop. The one argument is the workspace. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../worker/atomic-file.js';
import { workspaceAt } from '../worker/workspace.js';
import { type SandboxFile, sandboxFile } from './background.js';
import { openControl } from './slack/control.js';
import { openWorld } from './world.js';

const root = process.argv[2];
if (root === undefined) throw new TypeError('The folder of the sandbox is missing.');
const file = sandboxFile(workspaceAt(root));
const world = await openWorld({ root, tell: (line) => process.stdout.write(`${line}\n`) });
const control = await openControl(world.slack);
mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
const said: SandboxFile = {
  pid: process.pid,
  aws: world.aws.url,
  slack: control.url,
  instances: world.seeded.instances,
};
replaceFile(file, `${JSON.stringify(said)}\n`, 0o600);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());

async function stop(): Promise<void> {
  rmSync(file, { force: true });
  await control.close();
  await world.stop();
  process.exit(0);
}
