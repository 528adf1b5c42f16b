/** This process's own copy of people, gates, inventory and runbooks, as the files of the workspace say them now. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { units } from '../activities/index.js';
import { loadBundle } from '../compiler/bundle.js';
import { catalogOf } from '../compiler/catalog.js';
import type { Bundle } from '../core/installation.js';
import type { Workspace } from './workspace.js';

/**
 * Returns the bundle, read again when one of its files has changed. An edit that is invalid is logged once, and the
 * last good bundle stays: a slip in a file must not stop a containment that is under way.
 */
export function bundleSource(workspace: Workspace, log: Logger): () => Promise<Bundle> {
  const catalog = catalogOf(units);
  let last: { files: string; bundle: Promise<Bundle> } | undefined;

  return async () => {
    const files = await fingerprint(workspace);
    if (last?.files === files) return await last.bundle;
    const good = last?.bundle;
    const read = loadBundle(workspace, catalog);
    const bundle = good === undefined ? read : read.catch((error: unknown) => kept(good, error));
    // Before the wait: all who ask meanwhile get the same reading, and an invalid edit is read once.
    last = { files, bundle };
    return await bundle.catch((error: unknown) => {
      if (last?.bundle === bundle) last = undefined;
      throw error;
    });
  };

  async function kept(good: Promise<Bundle>, error: unknown): Promise<Bundle> {
    log.error({ error }, 'the changed configuration is invalid, the last good one stays in use');
    return await good;
  }
}

/** Changes whenever a file comes, goes, or is written. */
async function fingerprint({ installation, people, runbooks }: Workspace): Promise<string> {
  const found = (await unlessGone(readdir(runbooks, { withFileTypes: true, recursive: true }))) ?? [];
  const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const lines = await Promise.all([installation, people, ...files.toSorted()].map(lineOf));
  return lines.join('\n');
}

/** An editor that replaces the file shows in `ino`, one that writes into it in the times. */
async function lineOf(file: string): Promise<string> {
  const found = await unlessGone(stat(file, { bigint: true }));
  return found === undefined ? `${file} gone` : [file, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}

async function unlessGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
