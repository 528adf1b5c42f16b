/** The runbooks of the workspace, for those that include others. Apart from `runbook-files.ts`, which must not load the compiler. */
import { readFileSync } from 'node:fs';
import type { Catalog } from '../compiler/catalog.js';
import type { Library } from '../compiler/include.js';
import { libraryOf } from '../compiler/library.js';
import { workspaceAt } from '../worker/workspace.js';
import { filesIn } from './runbook-files.js';

export function workspaceLibrary(catalog: Catalog): Library {
  const sources = filesIn(workspaceAt().runbooks).flatMap((file) => {
    try {
      return [{ file, text: readFileSync(file, 'utf8') }];
    } catch {
      return []; // Not there for whoever includes it, which says so.
    }
  });
  return libraryOf(sources, { catalog });
}
