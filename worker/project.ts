/** Where this installation of Firebreak itself lies, whether its code runs from the sources or from `dist/`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with Firebreak's own `package.json`. */
export const projectRoot = nearest(dirname(fileURLToPath(import.meta.url)));

/**
 * A file of the build. Processes, the workflow bundle and what Temporal loads by path always come from there,
 * so that one build is what runs, whoever starts it.
 */
export function built(...path: string[]): string {
  return join(projectRoot, 'dist', ...path);
}

function nearest(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error('Firebreak lies in no package (this is a bug).');
  return nearest(above);
}
