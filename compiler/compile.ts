/**
 * Compiles a runbook: YAML in, JSON with every default written out and every expression a tree. Whatever can be known to
 * be wrong before an incident is found here, all of it at once, each at its line and column.
 */
import type { Digest } from '../core/json.js';
import type { People } from '../core/people.js';
import type { InputType, Runbook } from '../core/runbook.js';
import { digestOf } from '../journal/digest.js';
import type { Catalog } from './catalog.js';
import { compileGate } from './gate-form.js';
import { compileInput } from './input-type.js';
import { lint } from './lint.js';
import { inOrder, isError, type Problem } from './problem.js';
import { type Report, reportOn } from './report.js';
import { type RunbookForm, runbookForm } from './runbook-schema.js';
import { check } from './shape.js';
import { parseSource } from './source.js';
import { compileSteps } from './step-form.js';
import { hasExpression } from './template.js';

export interface CompileInput {
  /** As problems shall name it. */
  file: string;
  text: string;
  catalog: Catalog;
  /** With these, gates are checked against the people who exist. */
  people?: People | undefined;
  /** With these, the systems of the units must be among them: the names under `systems:` of firebreak.yaml. */
  systems?: readonly string[] | undefined;
}

/** A runbook, perhaps with notes; or the errors for which there is none. */
export type Compiled =
  | { runbook: Runbook; digest: Digest; problems: Problem[] }
  | { runbook?: undefined; digest?: undefined; problems: Problem[] };

export function compileRunbook({ file, text, catalog, people, systems }: CompileInput): Compiled {
  const { source, problems } = parseSource(file, text);
  if (source === undefined) return { problems: inOrder(problems) };
  const checked = check(runbookForm, source);
  const report = reportOn(source);
  let runbook: Runbook | undefined;
  if (checked.form !== undefined) {
    runbook = compileForm(checked.form, catalog, systems, report);
    lint(runbook, { people, report });
  }
  const all = inOrder([...problems, ...checked.problems, ...report.problems]);
  // Beside errors, notes would mostly be echoes of them: an input is unused because its name is misspelt where it is read.
  const errors = all.filter(isError);
  return runbook === undefined || errors.length > 0
    ? { problems: errors }
    : { runbook, digest: digestOf(runbook), problems: all };
}

function compileForm(
  form: RunbookForm,
  catalog: Catalog,
  systems: readonly string[] | undefined,
  report: Report,
): Runbook {
  const { name, version, summary } = form.metadata;
  if (hasExpression(summary)) {
    report.value(
      ['metadata', 'summary'],
      'expression.not-here',
      'an expression cannot stand in the summary',
      'Say it in words; expressions stand in with, if and for_each.',
    );
  }
  const inputs: Record<string, InputType> = {};
  for (const [key, input] of Object.entries(form.inputs)) inputs[key] = compileInput(key, input, report);
  const gates = Object.fromEntries(
    Object.entries(form.gates).map(([key, gate]) => [key, compileGate(key, gate, report)]),
  );
  const steps = compileSteps(form, { inputs, catalog, systems, report });
  return { language: 1, name, version, summary, inputs, gates, steps };
}
