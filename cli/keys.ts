/** `keys`: the service keys of the workspace, made where missing, their public halves pinned in people.yaml. */
import { openKeys, pinKeys } from '../worker/keys.js';
import { openWorkspace, workspaceAt } from '../worker/workspace.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';

export async function keys({ out }: Call): Promise<ExitCode> {
  const workspace = openWorkspace(workspaceAt());
  const opened = openKeys(workspace);
  pinKeys(workspace, opened);
  const pinned = [opened.gateway, opened.journal].map(({ id, publicKey }) => ({ id, publicKey }));
  out.answer({ folder: workspace.keys, pinned }, [
    `Private keys in ${workspace.keys}, readable by their owner alone.`,
    ...pinned.map(({ id, publicKey }) => `${id}  ${publicKey}`),
    `Pinned in ${workspace.people}.`,
  ]);
  return exitCodes.done;
}
