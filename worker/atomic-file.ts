/** Whole files or none: whoever reads, or is killed while writing, never sees half of one. */
import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Replaces the file in one step. */
export function replaceFile(file: string, body: string | Uint8Array, mode: number): void {
  const next = besides(file);
  writeFileSync(next, body, { mode, flag: 'wx' });
  renameSync(next, file);
}

/** Makes the file unless it is there already, whoever was first. False when somebody else was. */
export function makeFile(file: string, body: string | Uint8Array, mode: number): boolean {
  const next = besides(file);
  writeFileSync(next, body, { mode, flag: 'wx' });
  try {
    linkSync(next, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(next, { force: true });
  }
}

function besides(file: string): string {
  return `${file}.${randomBytes(6).toString('hex')}`;
}
