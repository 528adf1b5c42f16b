/** `explain RUNBOOK`: the checklist in plain words; offline. A runbook is named, or its file is. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { units } from '../activities/index.js';
import { loadBundle } from '../compiler/bundle.js';
import { type Catalog, catalogOf } from '../compiler/catalog.js';
import { compileRunbook } from '../compiler/compile.js';
import { explain } from '../compiler/explain.js';
import { formatProblem, isError } from '../compiler/problem.js';
import { runbookNamed } from '../core/installation.js';
import type { Runbook } from '../core/runbook.js';
import { workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { unknownName } from './unknown.js';

export async function explainRunbook({ out }: Call, named: string): Promise<ExitCode> {
  const catalog = catalogOf(units);
  const runbook = existsSync(named) ? await fromFile(named, catalog) : await fromWorkspace(named, catalog);
  const text = explain(runbook, catalog);
  out.answer({ runbook, text }, [text.trimEnd()]);
  return exitCodes.done;
}

async function fromFile(file: string, catalog: Catalog): Promise<Runbook> {
  const { runbook, problems } = compileRunbook({ file, text: await readFile(file, 'utf8'), catalog });
  if (runbook !== undefined) return runbook;
  const [first] = problems.filter(isError);
  throw new CliError(
    exitCodes.failed,
    'runbook.invalid',
    first === undefined ? `${file} is no runbook.` : formatProblem(first),
    {
      nextStep: `correct it; \`firebreak validate ${file}\` shows all that is wrong.`,
    },
  );
}

async function fromWorkspace(name: string, catalog: Catalog): Promise<Runbook> {
  const bundle = await loadBundle(workspaceAt(), catalog);
  const found = runbookNamed(bundle, name);
  if (found !== undefined) return found.runbook;
  const names = Object.values(bundle.runbooks).map((runbook) => runbook.name);
  throw unknownName('runbook.unknown', `There is no file and no runbook "${name}"`, name, names);
}
