// Editors check with the committed schemas; the compiler checks with the forms they are generated from.
// After a change of a form: UPDATE_SCHEMAS=1 npx vitest run test/compiler/json-schema.test.ts, then format.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { compileInstallation } from '../../compiler/installation.js';
import { jsonSchemas } from '../../compiler/json-schema.js';
import { compileRunbook } from '../../compiler/compile.js';
import { compilePeople } from '../../compiler/people.js';
import type { Json } from '../../core/json.js';
import { catalog, installationText, peopleText, runbookText } from './examples.js';

interface Schema {
  $schema?: string;
  title?: string;
  description?: string;
  type?: string;
  const?: Json;
  enum?: Json[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  propertyNames?: Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
}

const schemas = jsonSchemas() as Record<string, Schema>;

function committed(name: string): URL {
  return new URL(`../../compiler/${name}`, import.meta.url);
}

test.each(Object.keys(schemas))('the committed %s is what the forms say today', (name) => {
  if (process.env['UPDATE_SCHEMAS'] !== undefined)
    writeFileSync(committed(name), `${JSON.stringify(schemas[name], null, 2)}\n`);
  expect(JSON.parse(readFileSync(committed(name), 'utf8')) as Schema).toEqual(
    JSON.parse(JSON.stringify(schemas[name])),
  );
});

/** Every schema below a schema, with the way to it. */
function walk(schema: Schema, path = '#'): [string, Schema][] {
  const children = [
    ...Object.entries(schema.properties ?? {}),
    ...(typeof schema.additionalProperties === 'object' ? [['*', schema.additionalProperties] as const] : []),
    ...(schema.items ? [['[]', schema.items] as const] : []),
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map((each, index) => [`|${index}`, each] as const),
  ];
  return [[path, schema], ...children.flatMap(([key, each]) => walk(each, `${path}/${key}`))];
}

test.each(Object.entries(schemas))('%s is draft 7, closes every object and describes every field', (_, schema) => {
  expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
  for (const [path, each] of walk(schema)) {
    if (each.properties === undefined) continue;
    expect([path, each.additionalProperties]).toEqual([path, false]);
    const silent = Object.entries(each.properties).filter(
      ([, field]) => field.const === undefined && !field.description,
    );
    expect([path, silent.map(([key]) => key)]).toEqual([path, []]);
  }
});

/** As much of JSON Schema as the forms use; a keyword that it does not know would be passed over, so all of them are named here. */
const known = [
  '$schema',
  'title',
  'description',
  'default',
  'type',
  'const',
  'enum',
  'properties',
  'required',
  'additionalProperties',
  'propertyNames',
  'items',
  'anyOf',
  'oneOf',
  'pattern',
  'format',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
];

function accepts(schema: Schema, value: Json | undefined): boolean {
  const kinds: Record<string, (each: Json | undefined) => boolean> = {
    string: (each) => typeof each === 'string',
    number: (each) => typeof each === 'number',
    integer: (each) => Number.isInteger(each),
    boolean: (each) => typeof each === 'boolean',
    array: (each) => Array.isArray(each),
    object: (each) => typeof each === 'object' && each !== null && !Array.isArray(each),
  };
  if (schema.type !== undefined && kinds[schema.type]?.(value) !== true) return false;
  if (schema.const !== undefined && schema.const !== value) return false;
  if (schema.enum !== undefined && !schema.enum.includes(value ?? null)) return false;
  if (schema.anyOf !== undefined && !schema.anyOf.some((each) => accepts(each, value))) return false;
  if (schema.oneOf !== undefined && schema.oneOf.filter((each) => accepts(each, value)).length !== 1) return false;
  if (typeof value === 'string') {
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) return false;
    return value.length >= (schema.minLength ?? 0) && value.length <= (schema.maxLength ?? Infinity);
  }
  if (typeof value === 'number') return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity);
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) return false;
    return value.every((each) => schema.items === undefined || accepts(schema.items, each));
  }
  if (typeof value !== 'object' || value === null) return true;
  if ((schema.required ?? []).some((key) => !Object.hasOwn(value, key))) return false;
  return Object.entries(value).every(([key, each]) => {
    if (schema.propertyNames !== undefined && !accepts(schema.propertyNames, key)) return false;
    const field = schema.properties?.[key] ?? schema.additionalProperties;
    return typeof field === 'object' ? accepts(field, each) : field !== false;
  });
}

test('the schemas use no keyword that these tests would pass over', () => {
  const keywords = Object.values(schemas).flatMap((schema) => walk(schema).flatMap(([, each]) => Object.keys(each)));
  expect(keywords.length).toBeGreaterThan(0);
  expect(keywords.filter((keyword) => !known.includes(keyword))).toEqual([]);
});

const compileAny: Record<string, (text: string) => unknown> = {
  'runbook.schema.json': (text) => compileRunbook({ file: 'a.yaml', text, catalog }).runbook,
  'people.schema.json': (text) => compilePeople({ file: 'people.yaml', text }).people,
  'installation.schema.json': (text) => compileInstallation({ file: 'firebreak.yaml', text }).installation,
};

test.each([
  ['runbook.schema.json', runbookText],
  ['people.schema.json', peopleText],
  ['installation.schema.json', installationText],
])('%s and the compiler agree on a good document', (name, text) => {
  expect(accepts(schemas[name] ?? {}, parse(text) as Json)).toBe(true);
  expect(compileAny[name]?.(text)).toBeDefined();
});

test.each([
  ['runbook.schema.json', runbookText, 'needs: []', 'need: []'],
  ['runbook.schema.json', runbookText, 'phase: recover', 'phase: recovery'],
  ['runbook.schema.json', runbookText, 'need: 2\n', 'need: two\n'],
  ['runbook.schema.json', runbookText, 'type: choice', 'type: chioce'],
  ['runbook.schema.json', runbookText, 'within: 15m', 'within: 15'],
  ['runbook.schema.json', runbookText, 'type: number, min: 1', 'type: number, of: string'],
  ['runbook.schema.json', runbookText, '    uses: aws.isolate-instance@1\n', ''],
  ['runbook.schema.json', runbookText, 'aws.isolate-instance@1', 'aws.isolate-instance'],
  ['people.schema.json', peopleText, 'slack:', 'slak:'],
  ['people.schema.json', peopleText, 'U0BOB', 'bob'],
  ['people.schema.json', peopleText, 'responders: [security-oncall, platform-leads]', 'responders: []'],
  ['people.schema.json', peopleText, '2031-01-02T03:04:05Z', 'yesterday'],
  ['installation.schema.json', installationText, 'kind: aws', 'kind: gcp'],
  ['installation.schema.json', installationText, '{ env: SLACK_SIGNING_SECRET }', 'hunter2'],
  ['installation.schema.json', installationText, 'shown_on: emulator', 'shown_on: fake'],
  ['installation.schema.json', installationText, 'environment: production\n', ''],
  ['installation.schema.json', installationText, '{ file: secrets/payload-key }', 'c2VjcmV0'],
  ['installation.schema.json', installationText, '      2026-05:', '      "of May":'],
])('%s and the compiler agree on a bad document', (name, text, from, to) => {
  expect(text).toContain(from);
  const bad = text.replace(from, to);
  expect(accepts(schemas[name] ?? {}, parse(bad) as Json)).toBe(false);
  expect(compileAny[name]?.(bad)).toBeUndefined();
});
