/** Which build of Firebreak this is: the release and a digest of everything that a worker runs, the same wherever it was built. */
import { existsSync, readFileSync } from 'node:fs';
import { FirebreakError } from '../core/errors.js';
import { built } from './project.js';

export function buildId(): string {
  const file = built('build-id');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  throw new FirebreakError('build.missing', `${file} does not exist.`, {
    nextStep: 'run `npm run build`.',
    target: file,
  });
}
