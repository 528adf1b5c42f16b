/** A workspace: the folder of one installation, with what people edit and, in `.firebreak/`, what Firebreak keeps. */
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FirebreakError } from '../core/errors.js';
import { projectRoot } from './project.js';

/** All paths are absolute. */
export interface Workspace {
  root: string;
  /** `.firebreak/`: 0700, never in version control. */
  state: string;
  journal: string;
  /** A folder of private keys, each 0600. */
  keys: string;
  /** Where the gateway says how it is reached. */
  gateway: string;
  /** The database of the embedded Temporal. */
  temporal: string;
  installation: string;
  people: string;
  runbooks: string;
}

/** The workspace at `root`, else at `FIREBREAK_WORKSPACE`, else in the current folder. Nothing is read or made. */
export function workspaceAt(root: string = process.env['FIREBREAK_WORKSPACE'] ?? process.cwd()): Workspace {
  const at = resolve(root);
  const state = join(at, '.firebreak');
  const own = join(at, 'runbooks');
  return {
    root: at,
    state,
    journal: join(state, 'journal.db'),
    keys: join(state, 'keys'),
    gateway: join(state, 'gateway.json'),
    temporal: join(state, 'temporal.db'),
    installation: join(at, 'firebreak.yaml'),
    people: join(at, 'people.yaml'),
    runbooks: existsSync(own) ? own : join(projectRoot, 'runbooks'),
  };
}

/** Refuses a folder that is no workspace, before anything is written into it; makes the state folder. */
export function openWorkspace(workspace: Workspace): Workspace {
  for (const file of [workspace.installation, workspace.people]) {
    if (!existsSync(file)) {
      throw new FirebreakError(
        'workspace.incomplete',
        `${file} does not exist, so ${workspace.root} is no workspace.`,
        {
          nextStep:
            'change to the folder that holds firebreak.yaml and people.yaml, or name it in FIREBREAK_WORKSPACE.',
          target: file,
        },
      );
    }
  }
  mkdirSync(workspace.state, { recursive: true, mode: 0o700 });
  return workspace;
}
