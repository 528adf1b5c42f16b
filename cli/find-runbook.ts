/** A runbook as a person names it: the name that it has in the workspace, or its file. Whatever else is broken there. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Catalog } from '../compiler/catalog.js';
import { compileRunbook } from '../compiler/compile.js';
import { formatProblem, isError } from '../compiler/problem.js';
import type { Runbook } from '../core/runbook.js';
import { workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes } from './exit-codes.js';
import { workspaceLibrary } from './library.js';
import { runbookFiles } from './runbook-files.js';
import { unknownName } from './unknown.js';

export async function findRunbook(named: string, catalog: Catalog): Promise<Runbook> {
  return fromFile(existsSync(named) && statSync(named).isFile() ? named : fileOf(named), catalog);
}

async function fromFile(file: string, catalog: Catalog): Promise<Runbook> {
  const text = await readFile(file, 'utf8');
  const { runbook, problems } = compileRunbook({ file, text, catalog, library: workspaceLibrary(catalog) });
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

function fileOf(name: string): string {
  const known = runbookFiles(workspaceAt().runbooks);
  const found = known.find((each) => each.name === name);
  if (found !== undefined) return found.file;
  if (existsSync(name)) {
    throw new CliError(exitCodes.badInput, 'runbook.not-a-file', `${name} is a folder, not the file of a runbook.`, {
      nextStep: 'name a file in it; `firebreak validate` checks those of the workspace.',
    });
  }
  const names = known.map((each) => each.name);
  throw unknownName('runbook.unknown', `There is no file and no runbook "${name}"`, name, names);
}
