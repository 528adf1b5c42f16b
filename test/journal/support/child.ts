/** Sources as a program for a process of its own: compiled once, because Node 20 runs no TypeScript. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Program {
  file: string;
  end: () => void;
}

/** Below the project's folder, where the compiled files find its packages. */
export function compiled(source: string): Program {
  mkdirSync('out', { recursive: true });
  const folder = mkdtempSync(join('out', 'child-'));
  const parameters = [
    '--ignoreConfig',
    '--outDir',
    folder,
    '--rootDir',
    '.',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2023',
    '--types',
    'node',
    '--skipLibCheck',
    source,
  ];
  execFileSync(join('node_modules', '.bin', 'tsc'), parameters, { stdio: 'pipe' });
  return {
    file: join(folder, source.replace(/\.ts$/, '.js')),
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}
