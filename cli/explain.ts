/**
 * `explain [RUNBOOK]`: the checklist in plain words, with `--commands` as commands to type, or what runbooks there are; offline.
 * A runbook is named, or its file is.
 */
import { existsSync, readFileSync } from 'node:fs';
import { units } from '../activities/index.js';
import { loadBundle } from '../compiler/bundle.js';
import { type Catalog, catalogOf } from '../compiler/catalog.js';
import { explain } from '../compiler/explain.js';
import { explainCommands, stepsByHand } from '../compiler/explain-commands.js';
import { readInputs } from '../compiler/inputs.js';
import { compileInstallation } from '../compiler/installation.js';
import type { Installation } from '../core/installation.js';
import type { Inventory } from '../core/inventory.js';
import type { Json } from '../core/json.js';
import type { Runbook } from '../core/runbook.js';
import { workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import { findRunbook } from './find-runbook.js';
import { fromWords } from './input-words.js';
import type { Output } from './output.js';
import type { Call, CommonOptions } from './perform.js';
import { table } from './table.js';

export interface ExplainOptions extends CommonOptions {
  commands?: boolean;
}

export async function explainRunbook(
  { out, options }: Call<ExplainOptions>,
  named: string | undefined,
  words: string[],
): Promise<ExitCode> {
  const catalog = catalogOf(units);
  const isCommands = options.commands === true;
  if (isCommands && named === undefined)
    throw usage('Which runbook is missing.', 'name one; `firebreak explain` lists them.');
  if (!isCommands && words.length > 0)
    throw usage('Inputs are only for commands.', 'add `--commands`, or leave the inputs out.');
  if (named === undefined) return listRunbooks(out, catalog);
  const runbook = await findRunbook(named, catalog);
  if (isCommands) return commands(out, runbook, catalog, words);
  const text = explain(runbook, catalog);
  out.answer({ runbook, text }, [text.trimEnd()]);
  return exitCodes.done;
}

function commands(out: Output, runbook: Runbook, catalog: Catalog, words: string[]): ExitCode {
  const { systems = {}, targets = {} } = installationHere() ?? {};
  const text = explainCommands(runbook, catalog, { systems, inputs: someInputs(runbook, words, targets) });
  const { name, version } = runbook;
  out.answer({ runbook: name, version, steps: stepsByHand(runbook, catalog), text }, [text.trimEnd()]);
  return exitCodes.done;
}

/** The inputs that were typed, read by their types; none has to be. */
function someInputs({ name, inputs }: Runbook, words: string[], targets: Inventory): Record<string, Json> {
  const optional = Object.entries(inputs).map(([input, type]) => [input, { ...type, optional: true }] as const);
  return readInputs({ name, inputs: Object.fromEntries(optional) }, fromWords(words), targets);
}

/** Of the workspace, where there is one that can be read: this verb is for the worst of days, and works without. */
function installationHere(): Installation | undefined {
  const { installation: file } = workspaceAt();
  if (!existsSync(file)) return undefined;
  return compileInstallation({ file, text: readFileSync(file, 'utf8') }).installation;
}

function usage(message: string, nextStep: string): CliError {
  return new CliError(exitCodes.badInput, 'cli.usage', message, { nextStep });
}

async function listRunbooks(out: Output, catalog: Catalog): Promise<ExitCode> {
  const { runbooks } = await loadBundle(workspaceAt(), catalog);
  const all = Object.values(runbooks)
    .map(({ name, version, summary }) => ({ name, version, summary }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const rows = all.map(({ name, version, summary }) => [name, String(version), summary]);
  out.answer({ runbooks: all }, table(['RUNBOOK', 'VERSION', 'DOES'], rows));
  return exitCodes.done;
}
