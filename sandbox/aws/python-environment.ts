/**
 * A Python environment of the sandbox's own, made once for each list of requirements and shared by all later starts.
 * Nothing is installed into the system's Python, and no network is used once it exists.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FirebreakError } from '../../core/errors.js';
import { madeOnce } from '../../worker/cache.js';

const run = promisify(execFile);

/** One install may take this long before it is given up: a slow mirror, not a hung one. */
const installTimeoutMs = 10 * 60_000;
/** Output of pip that is kept for an error message. */
const outputMaxBytes = 16 * 1024 * 1024;

/** The path of the Python program of an environment that holds the requirements, making it if there is none. */
export async function pythonEnvironment(options: {
  requirements: string;
  /** The Python that makes the environment. */
  python?: string;
  progress?: (line: string) => void;
}): Promise<string> {
  const { requirements, python = 'python3' } = options;
  const progress = options.progress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const key = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  // Made under another name and then moved: the program finds its environment by where it lies, and nothing else is run.
  const made = await madeOnce(`python-${key}`, async (folder) => {
    progress('Preparing the AWS emulator, this once; it takes about a minute.');
    await make(python, ['-m', 'venv', folder], 'make a Python environment', {
      nextStep: `install Python 3.10 or later with its venv module (Debian: apt-get install python3-venv), then start again.`,
    });
    const install = ['-m', 'pip', 'install', '--quiet', '--no-input', '-r', requirements];
    await make(programOf(folder), install, 'install the emulator', {
      nextStep: 'see what pip says above: a package index must be reachable this once; then start again.',
    });
    progress('The AWS emulator is ready.');
  });
  return programOf(made);
}

function programOf(environment: string): string {
  return join(environment, 'bin', 'python');
}

async function make(program: string, args: string[], what: string, { nextStep }: { nextStep: string }): Promise<void> {
  try {
    await run(program, args, { timeout: installTimeoutMs, maxBuffer: outputMaxBytes });
  } catch (error) {
    const { stderr, stdout, message, code } = error as Error & { stderr?: string; stdout?: string; code?: unknown };
    const says = [stderr, stdout, message].find((each) => each !== undefined && each.trim() !== '') ?? '';
    const why = code === 'ENOENT' ? `there is no program "${program}"` : says.trim().split('\n').slice(-5).join('\n');
    throw new FirebreakError('sandbox.python', `Could not ${what}: ${why}.`, { nextStep, cause: error });
  }
}
