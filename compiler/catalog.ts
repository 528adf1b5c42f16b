/** What the compiler needs to know of each unit; taken from the registry, so that a runbook can lower no risk and invent no unit. */
import * as z from 'zod';
import type { AnyUnit } from '../activities/define-action.js';
import { derived } from '../core/derived.js';
import type { UnitName } from '../core/change.js';
import type { Risk } from '../core/risk.js';
import type { Phase } from '../core/runbook.js';

export interface UnitInfo {
  name: UnitName;
  kind: AnyUnit['kind'];
  /** The first part of the name; its executor does the work. */
  system: string;
  risk: Risk;
  phase: Phase;
  summary: string;
  partsOpen?: boolean;
  oneWay?: boolean;
  /** How a person does it, as lines of bash. */
  byHand?: string;
  input: z.ZodType;
  /** Of a check: one entry of what it finds. */
  finding?: z.ZodType;
}

export type Catalog = ReadonlyMap<UnitName, UnitInfo>;

export function catalogOf(units: readonly AnyUnit[]): Catalog {
  return new Map(units.map((unit) => [unit.name, infoOf(unit)]));
}

function infoOf(unit: AnyUnit): UnitInfo {
  const { name, kind, risk, phase, summary, input, byHand } = unit;
  const info: UnitInfo = { name, kind, system: systemOf(name), risk, phase, summary, input };
  if (byHand !== undefined) info.byHand = byHand;
  if (unit.kind === 'check') return { ...info, finding: unit.finding };
  return unit.kind === 'action' ? { ...info, partsOpen: unit.partsOpen, oneWay: unit.oneWay } : info;
}

/** `aws` of `aws.isolate-instance@1`. */
function systemOf(unit: UnitName): string {
  return unit.slice(0, unit.indexOf('.'));
}

/** What a unit takes, in JSON Schema: the names and types of its fields. */
export interface UnitInput {
  fields: Record<string, { types: string[] | undefined; schema: z.ZodType | undefined }>;
  required: string[];
}

interface ObjectShape {
  properties?: Record<string, { type?: string | string[] }>;
  required?: string[];
}

/** Worked out once for each unit: a runbook may have a thousand steps of one. */
export const inputOf = derived((unit: UnitInfo): UnitInput => {
  const shape = z.toJSONSchema(unit.input, { target: 'draft-7', io: 'input', unrepresentable: 'any' }) as ObjectShape;
  const schemas = unit.input instanceof z.ZodObject ? (unit.input.shape as Record<string, z.ZodType>) : {};
  const fields = Object.entries(shape.properties ?? {}).map(([key, { type }]) => {
    const types = type === undefined ? undefined : [type].flat();
    return [key, { types, schema: schemas[key] }] as const;
  });
  return { fields: Object.fromEntries(fields), required: shape.required ?? [] };
});
