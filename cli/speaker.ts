/** Who speaks: a principal of people.yaml and the SSH key that shows it. The key is used by `ssh-keygen`, never read here. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compilePeople } from '../compiler/people.js';
import { formatProblem, isError } from '../compiler/problem.js';
import { canonical } from '../core/canonical.js';
import type { People, Principal } from '../core/people.js';
import { signedPart, type Statement } from '../core/statement.js';
import { fingerprintOf, signWithSsh } from '../journal/ssh-signature.js';
import { CliError, exitCodes } from './exit-codes.js';
import { neededWorkspace } from './workspace.js';
import { unknownName } from './unknown.js';

export interface Speaker {
  id: string;
  fingerprint: string;
  sign(unsigned: Statement): Promise<Statement>;
}

/** The principal named by `as`, else the one who has the key; refuses a key that is nobody's or somebody else's. */
export async function findSpeaker({ as, key }: { as?: string; key?: string }): Promise<Speaker> {
  const keyFile = keyFileOf(key);
  const fingerprint = fingerprintOf(await publicLineOf(keyFile));
  const people = readPeople();
  const id = as === undefined ? ownerOf(people, fingerprint, keyFile).id : claimed(people, as, fingerprint, keyFile).id;
  return {
    id,
    fingerprint,
    sign: async (unsigned) => {
      const signature = await signWithSsh({ keyFile, text: canonical(signedPart(unsigned)) });
      return { ...unsigned, proof: { kind: 'ssh', key: fingerprint, signature } };
    },
  };
}

function keyFileOf(given: string | undefined): string {
  const file = given ?? process.env['FIREBREAK_KEY'] ?? join(homedir(), '.ssh', 'id_ed25519');
  if (existsSync(file)) return file;
  throw new CliError(exitCodes.badInput, 'speaker.no-key', `There is no SSH key at ${file} to sign with.`, {
    nextStep: 'name your key with `--key FILE` or FIREBREAK_KEY; `ssh-keygen -t ed25519` makes one.',
  });
}

/** From the `.pub` file beside it, so that no passphrase is asked for before there is something to sign. */
async function publicLineOf(keyFile: string): Promise<string> {
  if (keyFile.endsWith('.pub')) return readFileSync(keyFile, 'utf8');
  if (existsSync(`${keyFile}.pub`)) return readFileSync(`${keyFile}.pub`, 'utf8');
  const { stdout } = await promisify(execFile)('ssh-keygen', ['-y', '-f', keyFile]).catch((cause: unknown) => {
    throw new CliError(exitCodes.badInput, 'speaker.key-unreadable', `${keyFile} cannot be read as an SSH key.`, {
      nextStep: `put its public half beside it as ${keyFile}.pub, and let only yourself read the key (chmod 600).`,
      cause,
    });
  });
  return stdout;
}

function readPeople(): People {
  const { people: file } = neededWorkspace();
  const { people, problems } = compilePeople({ file, text: readFileSync(file, 'utf8') });
  if (people !== undefined) return people;
  const [first] = problems.filter(isError);
  throw new CliError(
    exitCodes.badInput,
    'people.invalid',
    first === undefined ? `${file} is invalid.` : formatProblem(first),
    {
      nextStep: 'correct it; `firebreak validate` shows all that is wrong.',
    },
  );
}

function hasKey(principal: Principal, fingerprint: string): boolean {
  return principal.ssh.some((line) => fingerprintOf(line) === fingerprint);
}

function ownerOf(people: People, fingerprint: string, keyFile: string): Principal {
  const owner = Object.values(people.principals).find((principal) => hasKey(principal, fingerprint));
  if (owner !== undefined) return owner;
  throw new CliError(
    exitCodes.badInput,
    'speaker.key-unknown',
    `Nobody in people.yaml has the key ${keyFile} (${fingerprint}).`,
    {
      nextStep: 'sign with a key that is listed, named by `--key FILE`, or have yours added under your principal.',
    },
  );
}

function claimed(people: People, as: string, fingerprint: string, keyFile: string): Principal {
  const principal = people.principals[as];
  if (principal === undefined)
    throw unknownName('speaker.unknown', `people.yaml has no principal "${as}"`, as, Object.keys(people.principals));
  if (hasKey(principal, fingerprint)) return principal;
  throw new CliError(
    exitCodes.badInput,
    'speaker.key-not-theirs',
    `The key ${keyFile} (${fingerprint}) is not listed for ${as}.`,
    {
      nextStep: `name a key of ${as} with \`--key FILE\`.`,
    },
  );
}
