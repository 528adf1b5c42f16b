/** `init [FOLDER]`: makes a workspace and says what is left to fill in. It writes nothing where anything of it exists. */
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { units } from '../activities/index.js';
import { checkBundle } from '../compiler/bundle.js';
import { catalogOf } from '../compiler/catalog.js';
import { principalId } from '../compiler/people.js';
import { formatProblem, isError, type Problem } from '../compiler/problem.js';
import { sshKey } from '../compiler/public-key.js';
import { type Workspace, workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import { type NewFile, schemaFolder, workspaceFiles } from './init-files.js';
import type { Call, CommonOptions } from './perform.js';
import { table } from './table.js';

export interface InitOptions extends CommonOptions {
  as?: string;
  key?: string;
  region?: string;
}

export async function init({ out, options }: Call<InitOptions>, folder: string | undefined): Promise<ExitCode> {
  const workspace = workspaceAt(folder);
  const files = workspaceFiles({
    principal: principalOf(options.as),
    publicKey: publicKeyOf(options.key),
    region: options.region ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'],
  });
  refuseToOverwrite(workspace, files);
  for (const file of files) write(join(workspace.root, file.path), file.text);
  // Again, for the workspace has runbooks of its own only now.
  const { problems } = await checkBundle(workspaceAt(workspace.root), catalogOf(units));
  const left = problems.filter(isError);
  const next = nextCommands(workspace);
  out.answer({ workspace: workspace.root, files: files.map(({ path }) => path), left, next }, [
    `${workspace.root} is a workspace now:`,
    ...told(files),
    '',
    ...(left.length === 0 ? ['Nothing is left to fill in.'] : ['Left to fill in:', ...left.flatMap(leftLines)]),
    '',
    'Next:',
    ...next.map((command) => `  ${command}`),
  ]);
  return exitCodes.done;
}

/** Nothing is written unless all of it can be: half a workspace would be somebody's to tidy up. */
function refuseToOverwrite({ root }: Workspace, files: NewFile[]): void {
  const there = files.filter(({ path }) => isThere(join(root, path))).map(({ path }) => path);
  if (there.length === 0) return;
  throw new CliError(
    exitCodes.badInput,
    'init.exists',
    `${root} has ${there.join(', ')} already; nothing was written.`,
    { nextStep: 'name a folder of its own, as in `firebreak init ops`, or move these away first.' },
  );
}

/** A link that leads nowhere is there too. What cannot be looked at cannot be written either, and that says why. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function write(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    // `wx`: somebody else may have made it since it was looked for.
    writeFileSync(path, text, { flag: 'wx' });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(exitCodes.badInput, 'init.unwritable', `${path} cannot be written: ${why}.`, {
      nextStep: 'name a folder that you may write to; remove what was written before it, if anything.',
      cause,
    });
  }
}

function principalOf(given: string | undefined): string {
  const id = given ?? userInfo().username.toLowerCase();
  const { error } = principalId.safeParse(id);
  if (error === undefined) return id;
  throw new CliError(
    exitCodes.badInput,
    'init.principal',
    `"${id}" cannot be your name in people.yaml: it ${error.issues[0]?.message ?? 'is refused'}.`,
    { nextStep: 'say who you are: firebreak init --as alice' },
  );
}

/** The public half of the key that the verbs sign with, where it is one that can be verified. */
function publicKeyOf(given: string | undefined): string | undefined {
  const key = given ?? process.env['FIREBREAK_KEY'] ?? join(homedir(), '.ssh', 'id_ed25519');
  const file = key.endsWith('.pub') ? key : `${key}.pub`;
  const line = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  const fault = line === undefined ? 'there is no such file' : sshKey(line).fault;
  if (fault === undefined) return line;
  if (given === undefined) return undefined;
  throw new CliError(exitCodes.badInput, 'init.key', `${file} is no public key that can be used: ${fault}.`, {
    nextStep: 'name another with `--key`; `ssh-keygen -t ed25519` makes one.',
  });
}

function isSchema({ path }: NewFile): boolean {
  return path.startsWith(`${schemaFolder}/`);
}

function told(files: NewFile[]): string[] {
  const rows = files.filter((file) => !isSchema(file)).map(({ path, says }) => ['', path, says]);
  const [, ...lines] = table(['', '', ''], [...rows, ['', `${schemaFolder}/`, 'what the editor checks them against']]);
  return lines;
}

function leftLines(problem: Problem): string[] {
  return [`  ${formatProblem(problem)}`, `    Next: ${problem.nextStep}`];
}

function nextCommands({ root }: Workspace): string[] {
  const folder = relative(process.cwd(), root);
  const commands = ['firebreak validate', 'firebreak explain aws-host-compromise', 'firebreak up'];
  return folder === '' ? commands : commands.map((each, index) => (index === 0 ? `cd ${folder} && ${each}` : each));
}
