/** A runbook as a person names it: the name that it has in the workspace, or its file. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { loadBundle } from '../compiler/bundle.js';
import type { Catalog } from '../compiler/catalog.js';
import { compileRunbook } from '../compiler/compile.js';
import { formatProblem, isError } from '../compiler/problem.js';
import { runbookNamed } from '../core/installation.js';
import type { Runbook } from '../core/runbook.js';
import { workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes } from './exit-codes.js';
import { unknownName } from './unknown.js';

export function findRunbook(named: string, catalog: Catalog): Promise<Runbook> {
  return existsSync(named) ? fromFile(named, catalog) : fromWorkspace(named, catalog);
}

async function fromFile(file: string, catalog: Catalog): Promise<Runbook> {
  const { runbook, problems } = compileRunbook({ file, text: await readFile(file, 'utf8'), catalog });
  if (runbook !== undefined) return runbook;
  const [first] = problems.filter(isError);
  throw new CliError(
    exitCodes.badInput,
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
