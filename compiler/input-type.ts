/** The inputs that a runbook declares, in their compiled form. */
import type { InputType } from '../core/runbook.js';
import { readInput } from './inputs.js';
import { oneOf } from './problem.js';
import type { Report } from './report.js';
import type { InputForm } from './runbook-schema.js';

export function compileInput(name: string, form: InputForm, report: Report): InputType {
  const path = ['inputs', name];
  const input: InputType = { ...form, ...(form.type === 'list' ? { of: form.of ?? 'string' } : {}) } as InputType;
  if (input.min !== undefined && input.max !== undefined && input.min > input.max) {
    report.value([...path, 'min'], 'input.bounds', `"min" of input "${name}" is above its "max"`, 'Exchange the two.');
  }
  if (input.choices !== undefined && new Set(input.choices).size < input.choices.length) {
    report.value(
      [...path, 'choices'],
      'input.choices',
      `a choice of input "${name}" is here twice`,
      'Name each choice once.',
    );
  }
  if (form.optional === true && form.default !== undefined) {
    report.key(
      [...path, 'optional'],
      'input.optional-default',
      `input "${name}" has a default and so is always there`,
      'Remove "optional" or "default".',
    );
  }
  if (form.default === undefined) return input;
  const read = readInput(name, input, form.default);
  if (read.faults.length > 0) {
    const next =
      input.choices === undefined ? 'Give a default that could also be given at launch.' : oneOf(input.choices);
    for (const fault of read.faults)
      report.value([...path, 'default'], 'input.default', `the default is refused: ${fault}`, next);
    return input;
  }
  return { ...input, default: read.value };
}
