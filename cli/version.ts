import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../worker/project.js';

export function version(): string {
  return (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version;
}
