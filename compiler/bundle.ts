/** The bundle: people, installation and all runbooks, loaded and checked as one. One error anywhere, and there is no bundle. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { FirebreakError } from '../core/errors.js';
import type { Bundle, Installation } from '../core/installation.js';
import type { Digest } from '../core/json.js';
import type { People } from '../core/people.js';
import { isFor, type Runbook } from '../core/runbook.js';
import { digestOf } from '../journal/digest.js';
import type { Catalog } from './catalog.js';
import { type Compiled, compileRunbook } from './compile.js';
import { compileInstallation } from './installation.js';
import { type LibrarySource, libraryOf } from './library.js';
import { compilePeople } from './people.js';
import { checkReferences, notForHere } from './references.js';
import { formatProblem, inOrder, isError, type Problem } from './problem.js';
import { sourceBytesMax } from './source.js';

/** Where the parts lie: two files, and the folder of the runbooks (all `.yaml` and `.yml` in it, at any depth). */
export interface BundlePaths {
  installation: string;
  people: string;
  runbooks: string;
}

/** Loads the bundle, or throws one `bundle.invalid` that lists every problem at its place. */
export async function loadBundle(paths: BundlePaths, catalog: Catalog): Promise<Bundle> {
  const { bundle, problems } = await checkBundle(paths, catalog);
  if (bundle !== undefined) return bundle;
  throw invalid(problems.filter(stops));
}

/** Loads `firebreak.yaml` alone, for whoever needs nothing else and must not wait for it; throws as `loadBundle` does. */
export async function loadInstallation(path: string): Promise<Installation> {
  const file = basename(path);
  const text = await readText(path);
  if (typeof text !== 'string') throw invalid([{ file, line: 1, column: 1, level: 'error', ...text }]);
  const { installation, problems } = compileInstallation({ file, text });
  if (installation !== undefined) return installation;
  throw invalid(problems.filter(isError));
}

function invalid(errors: Problem[]): FirebreakError {
  const first = errors[0];
  return new FirebreakError(
    'bundle.invalid',
    `The configuration has ${errors.length === 1 ? 'an error' : `${errors.length} errors`}:\n${errors.map(formatProblem).join('\n')}`,
    { nextStep: first === undefined ? 'Correct it.' : `${first.nextStep} Then run firebreak validate.` },
  );
}

/** Loads the bundle and says everything that was found, notes too; without a bundle where there is an error. */
export async function checkBundle(
  paths: BundlePaths,
  catalog: Catalog,
): Promise<{ bundle: Bundle | undefined; problems: Problem[] }> {
  const problems: Problem[] = [];
  const name = (path: string): string => {
    const inside = relative(dirname(paths.installation), path);
    return inside.startsWith('..') ? path : inside;
  };
  const read = async (path: string): Promise<{ file: string; text: string } | undefined> => {
    const file = name(path);
    const text = await readText(path);
    if (typeof text === 'string') return { file, text };
    problems.push({ file, line: 1, column: 1, level: 'error', ...text });
    return undefined;
  };

  const installationFile = await read(paths.installation);
  const installation = installationFile && keep(compileInstallation(installationFile), problems).installation;
  const peopleFile = await read(paths.people);
  const people = peopleFile && keep(compilePeople(peopleFile), problems).people;

  const systems = installation && Object.keys(installation.systems);
  const runbooks: Record<Digest, Runbook> = {};
  const files = new Map<string, string>();
  const sources: LibrarySource[] = [];
  for (const path of await runbookFiles(paths.runbooks, name, problems)) {
    const source = await read(path);
    if (source !== undefined) sources.push(source);
  }
  const library = libraryOf(sources, { catalog, systems });
  for (const source of sources) {
    const compiled = usable(keep(compileRunbook({ ...source, catalog, people, systems, library }), problems), () =>
      compileRunbook({ ...source, catalog, systems, library }),
    );
    if (compiled.runbook === undefined) continue;
    if (installation !== undefined && !isFor(compiled.runbook, installation.environment))
      problems.push(...notForHere(source, compiled.runbook, installation.environment));
    const other = files.get(compiled.runbook.name);
    if (other !== undefined) {
      problems.push({
        file: source.file,
        line: 1,
        column: 1,
        level: 'error',
        code: 'bundle.duplicate-name',
        message: `there is a runbook "${compiled.runbook.name}" in ${other} already`,
        nextStep: 'Give each runbook a name of its own.',
      });
    }
    files.set(compiled.runbook.name, source.file);
    runbooks[compiled.digest] = compiled.runbook;
  }
  if (installationFile && peopleFile && installation && people)
    problems.push(
      ...checkReferences(
        { installation: installationFile, people: peopleFile },
        { installation, people, runbooks: Object.values(runbooks) },
      ),
    );
  const all = inOrder(problems);
  if (installation === undefined || people === undefined || all.some(stops))
    return { bundle: undefined, problems: all };
  return { bundle: bundleOf(installation, people, runbooks), problems: all };
}

/**
 * A gate that too few people are left to pass, a step that nobody is left to answer, a hook through which nobody may speak, or a
 * thing whose owner has left is an error to whoever validates, and does not keep a process from loading: it lets nothing through,
 * while going on with the last good bundle would let a revoked approver count.
 */
const letsNothingThrough = new Set([
  'gate.cannot-be-met',
  'step.nobody',
  'hook.nobody',
  'hook.not-allowed',
  'target.unknown-owner',
]);

function stops(problem: Problem): boolean {
  return isError(problem) && !letsNothingThrough.has(problem.code);
}

function usable(compiled: Compiled, withoutPeople: () => Compiled): Compiled {
  return compiled.runbook === undefined && !compiled.problems.some(stops) ? withoutPeople() : compiled;
}

function bundleOf(installation: Installation, people: People, runbooks: Record<Digest, Runbook>): Bundle {
  return { digest: digestOf({ people, installation, runbooks }), people, installation, runbooks };
}

function keep<T extends { problems: Problem[] }>(compiled: T, problems: Problem[]): T {
  problems.push(...compiled.problems);
  return compiled;
}

type Unreadable = Pick<Problem, 'code' | 'message' | 'nextStep'>;

async function readText(path: string): Promise<string | Unreadable> {
  try {
    const { size } = await stat(path);
    if (size > sourceBytesMax) {
      return {
        code: 'yaml.too-large',
        message: `this file is larger than ${sourceBytesMax / 1024} KiB`,
        nextStep: 'Split it into several files.',
      };
    }
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    return unreadable(error);
  }
}

async function runbookFiles(folder: string, name: (path: string) => string, problems: Problem[]): Promise<string[]> {
  const say = (said: Unreadable) => problems.push({ file: name(folder), line: 1, column: 1, level: 'error', ...said });
  try {
    const entries = await readdir(folder, { recursive: true });
    const found = entries.filter((entry) => /\.ya?ml$/.test(entry)).toSorted();
    if (found.length === 0)
      say({
        code: 'bundle.no-runbook',
        message: 'there is no runbook in this folder',
        nextStep: 'Put at least one .yaml file here.',
      });
    return found.map((entry) => join(folder, entry));
  } catch (error) {
    say(unreadable(error));
    return [];
  }
}

function unreadable(error: unknown): Unreadable {
  if (!(error instanceof Error)) throw error;
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT')
    return {
      code: 'file.missing',
      message: 'there is nothing at this path',
      nextStep: 'Write it, or correct the path.',
    };
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return { code: 'file.encoding', message: 'this file is not UTF-8', nextStep: 'Save it as UTF-8.' };
  return {
    code: 'file.unreadable',
    message: `this cannot be read (${code || error.message})`,
    nextStep: 'Look at its permissions and kind.',
  };
}
