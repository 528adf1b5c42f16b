/** `validate`: the whole workspace, or single runbooks; offline. Every problem at its line, each with what to do. */
import { readFile } from 'node:fs/promises';
import { units } from '../activities/index.js';
import { checkBundle } from '../compiler/bundle.js';
import { type Catalog, catalogOf } from '../compiler/catalog.js';
import { compileRunbook } from '../compiler/compile.js';
import { formatProblem, isError, type Problem } from '../compiler/problem.js';
import { workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { workspaceLibrary } from './library.js';
import { neededWorkspace } from './workspace.js';

export async function validate({ out }: Call, files: string[]): Promise<ExitCode> {
  const catalog = catalogOf(units);
  const problems =
    files.length === 0
      ? (await checkBundle(neededWorkspace(), catalog)).problems
      : (await Promise.all(files.map((file) => problemsOf(file, catalog)))).flat();
  const errors = problems.filter(isError).length;
  const what = files.length === 0 ? workspaceAt().root : files.join(', ');
  const verdict = errors === 0 ? `${what}: valid` : `${what}: ${errors} ${errors === 1 ? 'error' : 'errors'}`;
  out.answer({ valid: errors === 0, problems }, [...problems.flatMap(linesOf), verdict]);
  return errors === 0 ? exitCodes.done : exitCodes.badInput;
}

async function problemsOf(file: string, catalog: Catalog): Promise<Problem[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CliError(exitCodes.badInput, 'file.unreadable', `${file} cannot be read: ${cause.message}.`, {
      nextStep: 'name the file of a runbook.',
      cause,
    });
  });
  return compileRunbook({ file, text, catalog, library: workspaceLibrary(catalog) }).problems;
}

function linesOf(problem: Problem): string[] {
  const kind = isError(problem) ? '' : ' (note)';
  return [`${formatProblem(problem)}${kind}`, `  Next: ${problem.nextStep}`];
}
