/** Files that only their owner may read: keys and secrets. */
import { readFileSync, statSync } from 'node:fs';
import { FirebreakError } from '../core/errors.js';

/** Any bit for the group or for others. */
const notOnlyTheOwner = 0o077;

/** The bytes of a private file; refuses one that others on the machine could have read. */
export function readPrivateFile(file: string): Buffer {
  const { mode } = statSync(file);
  if ((mode & notOnlyTheOwner) !== 0) {
    throw new FirebreakError('secret.too-open', `${file} can be read by others than its owner (mode ${octal(mode)}).`, {
      nextStep: `run \`chmod 600 ${file}\`, and replace what is in it if others use this machine.`,
      target: file,
    });
  }
  return readFileSync(file);
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}
