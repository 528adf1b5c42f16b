/** `sandbox up|down`: a local copy of the world in a folder that becomes a workspace; it runs in the background. */
import { join, resolve } from 'node:path';
import { startSandbox, stopSandbox } from '../sandbox/background.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Call, CommonOptions } from './perform.js';

/** Beside whatever is being worked on, and ignored by version control like everything under `out/`. */
const folderDefault = join('out', 'sandbox');

export async function sandboxUp({ out, options }: Call): Promise<ExitCode> {
  const root = folderOf(options);
  out.progress(
    'Starting a local copy of the world; the first time the AWS emulator is installed, which takes about a minute.',
  );
  const running = await startSandbox(root);
  const key = join(root, 'keys', 'alice');
  out.answer({ root, ...running, key }, [
    `The sandbox runs in ${root}: AWS ${running.aws}, Slack ${running.slack}, instances ${running.instances.join(', ')}.`,
    `Next: firebreak up --workspace ${root}`,
    `Then, as alice: firebreak run aws-host-compromise --workspace ${root} --key ${key} instances=${running.instances.join(',')} reason="beacon to a known bad host"`,
  ]);
  return exitCodes.done;
}

export async function sandboxDown({ out, options }: Call): Promise<ExitCode> {
  const root = folderOf(options);
  const stopped = await stopSandbox(root);
  out.answer({ root, stopped }, [stopped ? `The sandbox in ${root} has stopped.` : `No sandbox runs in ${root}.`]);
  return exitCodes.done;
}

/** Only as typed: FIREBREAK_WORKSPACE names the workspace that is worked in, and a sandbox writes over the folder it gets. */
function folderOf({ workspace }: CommonOptions): string {
  return resolve(workspace ?? folderDefault);
}
