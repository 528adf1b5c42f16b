/** `timeline export` asks the gateway; `timeline verify` needs nothing but the file, and says which line is wrong. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { compilePeople } from '../compiler/people.js';
import { formatProblem, isError } from '../compiler/problem.js';
import type { People } from '../core/people.js';
import { type Verified, verifyTimeline } from '../journal/verify.js';
import { workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import { openGateway } from './gateway-client.js';
import type { Call, CommonOptions } from './perform.js';

export interface ExportOptions extends CommonOptions {
  format: string;
  out?: string;
}

export interface VerifyOptions extends CommonOptions {
  keys?: string;
}

export async function exportTimeline({ out, options }: Call<ExportOptions>, incident: string): Promise<ExitCode> {
  const { format, out: file } = options;
  if (format !== 'jsonl' && format !== 'md') {
    throw new CliError(exitCodes.badInput, 'timeline.format', `There is no format "${format}".`, {
      nextStep: 'use `--format jsonl` or `--format md`.',
    });
  }
  const text = await openGateway().timeline(incident, format);
  if (file === undefined) {
    out.answer({ incident, format, text }, [text.trimEnd()]);
    return exitCodes.done;
  }
  await writeFile(file, text, { mode: 0o600 }).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError(exitCodes.badInput, 'file.unwritable', `${file} cannot be written: ${cause.message}.`, {
      nextStep: 'name another file with `--out`.',
      cause,
    });
  });
  const next = format === 'jsonl' ? [`Next: anyone can check it: firebreak timeline verify ${file}`] : [];
  out.answer({ incident, format, file, bytes: Buffer.byteLength(text) }, [`${incident} is in ${file}.`, ...next]);
  return exitCodes.done;
}

export async function verifyFile({ out, options }: Call<VerifyOptions>, file: string): Promise<ExitCode> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError(exitCodes.badInput, 'file.unreadable', `${file} cannot be read: ${cause.message}.`, {
      nextStep: 'name the file of an exported timeline.',
      cause,
    });
  });
  const people = await anchorOf(options.keys);
  const verified = verifyTimeline(bytes, people === undefined ? {} : { people });
  out.answer({ file, ...verified }, verified.ok ? goodLines(file, verified) : badLines(file, verified));
  return verified.ok ? exitCodes.done : exitCodes.failed;
}

/** The directory to check against: as named, else that of the workspace, else what the file itself says, which is told. */
async function anchorOf(named: string | undefined): Promise<People | undefined> {
  const file = named ?? workspaceAt().people;
  if (named === undefined && !existsSync(file)) return undefined;
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CliError(exitCodes.badInput, 'file.unreadable', `${file} cannot be read: ${cause.message}.`, {
      nextStep: 'name the people.yaml of the installation with `--keys`.',
      cause,
    });
  });
  const { people, problems } = compilePeople({ file, text });
  if (people !== undefined) return people;
  const [first] = problems.filter(isError);
  throw new CliError(
    exitCodes.badInput,
    'people.invalid',
    first === undefined ? `${file} is invalid.` : formatProblem(first),
    { nextStep: 'correct it first.' },
  );
}

function goodLines(file: string, { chain, events, statements, keys }: Verified): string[] {
  return [
    `${file}: ${chain} is whole: ${events} events, ${statements} statements proven again.`,
    `Checked with ${keys.says}.`,
    ...(keys.pinned ? [] : keys.fingerprints.map(({ id, use, fingerprint }) => `  ${use} ${id} ${fingerprint}`)),
    ...(keys.pinned
      ? []
      : ['Next: compare these keys with those of the installation, or give its people.yaml with `--keys`.']),
  ];
}

function badLines(file: string, { problems }: Verified): string[] {
  return [
    ...problems.map(({ line, message }) => `${file}:${line}  ${message}`),
    `Next: do not rely on ${file}; export it again from the journal, and keep this one as evidence.`,
  ];
}
