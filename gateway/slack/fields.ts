/**
 * `key=value` texts as what a launch needs. Reading and refusing values is the compiler's (`readInputs`), as for a launch
 * from a terminal; what is added here is the command that can be pasted instead.
 */
import { readInputs } from '../../compiler/inputs.js';
import { FirebreakError } from '../../core/errors.js';
import type { Inventory } from '../../core/inventory.js';
import type { InputType, Runbook } from '../../core/runbook.js';
import { type Field, fieldText, nearest, wrong } from './parse.js';

export interface LaunchFields {
  /** As typed; the door reads them again. */
  inputs: Record<string, string>;
  reason?: string;
  incident?: string;
  /** `again=yes`: start although an equal run is open. */
  again: boolean;
}

/** Keys that say something about the launch itself, unless the runbook has an input of that name. */
const reserved = ['reason', 'incident', 'again'];

export function readLaunch(
  verb: 'run' | 'plan',
  runbook: Runbook,
  fields: Field[],
  inventory: Inventory = {},
): LaunchFields {
  const isInput = ({ key }: Field) => runbook.inputs[key] !== undefined || !reserved.includes(key);
  const inputs = inputsOf(verb, runbook, fields.filter(isInput), inventory);
  const said = (name: string) => fields.findLast((field) => field.key === name && !isInput(field))?.value;
  const reason = fields.findLast(({ key }) => key === 'reason')?.value;
  const incident = said('incident');
  return {
    inputs,
    ...(reason === undefined ? {} : { reason }),
    ...(incident === undefined ? {} : { incident }),
    again: said('again') === 'yes',
  };
}

export function commandOf(before: string, fields: Field[]): string {
  return [before, ...fields.map(fieldText)].join(' ');
}

/** A list may be given in several fields; anything else only once. */
function inputsOf(verb: string, runbook: Runbook, fields: Field[], inventory: Inventory): Record<string, string> {
  const inputs: Record<string, string> = {};
  for (const { key, value } of fields) {
    const before = inputs[key];
    if (before !== undefined && runbook.inputs[key]?.type !== 'list') {
      const once = fields.filter(
        (field, at) => field.key !== key || at === fields.findLastIndex((each) => each.key === key),
      );
      throw wrong('input.twice', `The input "${key}" is given twice.`, commandOf(`${verb} ${runbook.name}`, once));
    }
    inputs[key] = before === undefined ? value : `${before},${value}`;
  }
  try {
    readInputs(runbook, inputs, inventory);
  } catch (error) {
    if (!(error instanceof FirebreakError)) throw error;
    throw wrong(error.code, error.message, commandOf(`${verb} ${runbook.name}`, corrected(runbook, fields)));
  }
  return inputs;
}

/** Unknown keys as the known ones that were probably meant, and a place for what is missing. */
function corrected(runbook: Runbook, fields: Field[]): Field[] {
  const known = Object.keys(runbook.inputs);
  const free = known.filter((key) => !fields.some((field) => field.key === key));
  const named = fields.flatMap((field) => {
    const key = known.includes(field.key) ? field.key : nearest(field.key, free);
    return key === undefined ? [] : [{ ...field, key }];
  });
  const missing = Object.entries(runbook.inputs).filter(
    ([key, type]) => !named.some((field) => field.key === key) && type.default === undefined && type.optional !== true,
  );
  return [...named, ...missing.map(([key, type]) => ({ key, value: placeholder(type) }))];
}

function placeholder({ type, of, choices }: InputType): string {
  if (type === 'choice') return choices?.[0] ?? 'CHOICE';
  return (type === 'list' ? (of ?? 'item') : type).toUpperCase();
}
