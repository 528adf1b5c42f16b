/** Signing as a person: by OpenSSH's own program, so that passphrases, agents and hardware keys work, and no key is read here. */
import { spawn } from 'node:child_process';
import { FirebreakError } from '../../core/errors.js';

const program = 'ssh-keygen';

/** For a passphrase to be typed or a hardware key to be touched, in milliseconds; afterwards the program is stopped. */
const patienceMs = 120_000;

export interface SshSigning {
  /** The private key; or the public one, when an agent holds the private. */
  keyFile: string;
  text: string;
  namespace?: string;
}

/** The armoured signature over the text. Throws `ssh.program-missing` or `ssh.key-refused`. */
export async function signWithSsh({ keyFile, text, namespace = 'firebreak' }: SshSigning): Promise<string> {
  const { exit, output, says } = await run(['-Y', 'sign', '-n', namespace, '-f', keyFile], text);
  if (exit === 0 && output.startsWith('-----BEGIN SSH SIGNATURE-----')) return output;
  throw new FirebreakError('ssh.key-refused', `${program} did not sign with ${keyFile}: ${reasonIn(says)}.`, {
    nextStep: 'check the path, that only you can read the key, and its passphrase or agent.',
    target: keyFile,
  });
}

function run(parameters: string[], input: string): Promise<{ exit: number | null; output: string; says: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'pipe'], timeout: patienceMs });
    const output: Buffer[] = [];
    const says: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => says.push(chunk));
    child.on('error', (error) => reject(cannotRun(error)));
    child.on('close', (exit) =>
      resolve({ exit, output: Buffer.concat(output).toString(), says: Buffer.concat(says).toString() }),
    );
    // It may refuse the key before it has read the text; its exit says so.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function cannotRun(error: Error): FirebreakError {
  return new FirebreakError('ssh.program-missing', `Could not run ${program}: ${error.message}.`, {
    nextStep: 'install OpenSSH 8.1 or newer (package openssh-client), and see that it is in PATH.',
    cause: error,
  });
}

/** The line that says why: the last one that is not decoration. */
function reasonIn(says: string): string {
  const lines = says.split('\n').map((line) => line.replaceAll(/[@\s]+/g, ' ').trim());
  return (
    lines
      .filter((line) => line !== '' && !line.startsWith('Signing '))
      .at(-1)
      ?.replace(/\.$/, '') ?? 'it said nothing'
  );
}
