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
import { emptyLibrary, innerId, type Library } from './include.js';
import { compileInput } from './input-type.js';
import { lint } from './lint.js';
import type { Path } from './place.js';
import { inOrder, isError, type Problem } from './problem.js';
import { untilTooMany } from './problems-max.js';
import { type Report, reportOn } from './report.js';
import { type RunbookForm, runbookForm, stepsMax } from './runbook-schema.js';
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
  /** Runbooks that it may include; none where they are not given. */
  library?: Library | undefined;
  /** Names of the runbooks that it is included in. */
  within?: readonly string[] | undefined;
}

/** A runbook, perhaps with notes; or the errors for which there is none. */
export type Compiled =
  | { runbook: Runbook; digest: Digest; problems: Problem[] }
  | { runbook?: undefined; digest?: undefined; problems: Problem[] };

export function compileRunbook(input: CompileInput): Compiled {
  return untilTooMany(() => compileFile(input));
}

function compileFile(input: CompileInput): Compiled {
  const { file, text, people } = input;
  const { source, problems } = parseSource(file, text);
  if (source === undefined) return { problems: inOrder(problems) };
  const checked = check(runbookForm, source);
  const report = reportOn(source);
  let runbook: Runbook | undefined;
  if (checked.form !== undefined) {
    runbook = compileForm(checked.form, input, report);
    lint(runbook, { people, report, placeOf: placeOf(checked.form) });
  }
  const all = inOrder([...problems, ...checked.problems, ...report.problems]);
  // Beside errors, notes would mostly be echoes of them: an input is unused because its name is misspelt where it is read.
  const errors = all.filter(isError);
  return runbook === undefined || errors.length > 0
    ? { problems: errors }
    : { runbook, digest: digestOf(runbook), problems: all };
}

/** Where a step of the run stands in the file; one of an included runbook where that is included. */
function placeOf({ steps }: RunbookForm): (id: string) => Path {
  return (step) => ['steps', steps.findIndex(({ id }) => id === step || step.startsWith(innerId(id, '')))];
}

function compileForm(
  form: RunbookForm,
  { catalog, systems, library = emptyLibrary, within = [] }: CompileInput,
  report: Report,
): Runbook {
  const { name, version, summary, environments } = form.metadata;
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
  const context = { inputs, catalog, systems, library, within: [...within, name], gates, environments, report };
  const { steps, gates: more } = compileSteps(form, context);
  if (steps.length > stepsMax)
    report.value(
      ['steps'],
      'runbook.too-many-steps',
      `with those of the runbooks that it includes it has ${steps.length} steps, and ${stepsMax} are what a run can have`,
      'Launch them one after the other.',
    );
  const where = environments === undefined ? {} : { environments };
  return { language: 1, name, version, summary, ...where, inputs, gates: { ...gates, ...more }, steps };
}
