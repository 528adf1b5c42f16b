/**
 * The runbooks of a workspace by name, read without compiling them: fast enough for completion, and good enough to find one
 * while another file is broken.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface RunbookFile {
  name: string;
  file: string;
  summary: string;
  /** Names of its inputs. */
  inputs: string[];
}

/** Files that cannot be read or name no runbook are left out: whoever asks for one by name learns that it is not there. */
export function runbookFiles(folder: string): RunbookFile[] {
  return filesIn(folder).flatMap((file) => {
    const form = read(file);
    const name = form?.metadata?.name;
    if (typeof name !== 'string') return [];
    const summary = form?.metadata?.summary;
    return [
      { name, file, summary: typeof summary === 'string' ? summary : '', inputs: Object.keys(form?.inputs ?? {}) },
    ];
  });
}

/** As far as it is looked at; nothing of it is trusted to be there. */
type Form = { metadata?: { name?: unknown; summary?: unknown } | null; inputs?: object | null } | null | undefined;

function read(file: string): Form {
  try {
    const form = parse(readFileSync(file, 'utf8'), { logLevel: 'silent' }) as Form | string;
    return typeof form === 'object' ? form : undefined;
  } catch {
    return undefined; // `firebreak validate` is what says why.
  }
}

export function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return entries
      .filter((entry) => /\.ya?ml$/.test(entry))
      .toSorted()
      .map((entry) => join(folder, entry));
  } catch {
    return []; // No folder, no runbooks.
  }
}
