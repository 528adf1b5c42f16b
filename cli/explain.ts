/** `explain [RUNBOOK]`: the checklist in plain words, or what runbooks there are; offline. A runbook is named, or its file is. */
import { units } from '../activities/index.js';
import { loadBundle } from '../compiler/bundle.js';
import { type Catalog, catalogOf } from '../compiler/catalog.js';
import { explain } from '../compiler/explain.js';
import { workspaceAt } from '../worker/workspace.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { findRunbook } from './find-runbook.js';
import type { Output } from './output.js';
import type { Call } from './perform.js';
import { table } from './table.js';

export async function explainRunbook({ out }: Call, named: string | undefined): Promise<ExitCode> {
  const catalog = catalogOf(units);
  if (named === undefined) return listRunbooks(out, catalog);
  const runbook = await findRunbook(named, catalog);
  const text = explain(runbook, catalog);
  out.answer({ runbook, text }, [text.trimEnd()]);
  return exitCodes.done;
}

async function listRunbooks(out: Output, catalog: Catalog): Promise<ExitCode> {
  const { runbooks } = await loadBundle(workspaceAt(), catalog);
  const all = Object.values(runbooks)
    .map(({ name, version, summary }) => ({ name, version, summary }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const rows = all.map(({ name, version, summary }) => [name, String(version), summary]);
  out.answer({ runbooks: all }, table(['RUNBOOK', 'VERSION', 'DOES'], rows));
  return exitCodes.done;
}
