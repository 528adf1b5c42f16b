/** Reads a secret at the moment it is needed; `firebreak.yaml` holds only references. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { FirebreakError } from '../core/errors.js';
import type { SecretRef } from '../core/installation.js';
import { readPrivateFile } from './private-file.js';

/** The secret, without the newline that editors leave at the end. A file is relative to `root`. */
export function readSecret(ref: SecretRef, root: string): string {
  const secret = 'env' in ref ? fromEnvironment(ref.env) : fromFile(resolve(root, ref.file));
  // An empty secret would be sent as one, and the refusal would then name the wrong cause.
  if (secret === '') throw missing(ref, 'is empty');
  return secret;
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw missing({ env: name }, 'is not set');
  return value;
}

function fromFile(file: string): string {
  if (!existsSync(file)) throw missing({ file }, 'does not exist');
  return readPrivateFile(file)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

function missing(ref: SecretRef, what: string): FirebreakError {
  const [name, nextStep] =
    'env' in ref
      ? [`The variable ${ref.env}`, `set ${ref.env} in the environment of the process that needs it.`]
      : [`The secret file ${ref.file}`, `write the secret into ${ref.file}, readable by its owner alone (chmod 600).`];
  return new FirebreakError('secret.missing', `${name} ${what}.`, { nextStep });
}
