/** The workspace that a verb is about, refused where it is none; nothing is made in it. */
import { existsSync } from 'node:fs';
import { type Workspace, workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes } from './exit-codes.js';

export function neededWorkspace(): Workspace {
  const workspace = workspaceAt();
  const missing = [workspace.installation, workspace.people].filter((file) => !existsSync(file));
  if (missing.length === 0) return workspace;
  throw new CliError(
    exitCodes.badInput,
    'workspace.incomplete',
    `${workspace.root} is no workspace: ${missing.join(' and ')} do not exist.`,
    {
      nextStep: 'change to the folder that holds firebreak.yaml and people.yaml, or name it with `--workspace`.',
    },
  );
}
