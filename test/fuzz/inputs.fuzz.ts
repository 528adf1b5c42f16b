// Whatever is given to a launch, as the API gets it: inputs of the types that the runbook asks for, or a refusal that names them.
import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { units } from '../../activities/index.js';
import { catalogOf } from '../../compiler/catalog.js';
import { compileRunbook } from '../../compiler/compile.js';
import { readInputs } from '../../compiler/inputs.js';
import { canonical } from '../../core/canonical.js';
import type { Json } from '../../core/json.js';
import type { InputType, Runbook } from '../../core/runbook.js';
import { readPrepareRequest } from '../../gateway/prepare-shape.js';
import { codeOf, fuzz } from './support/fuzz.js';
import { jsonTexts } from './support/json-texts.js';

const folder = new URL('../../runbooks/', import.meta.url);
const catalog = catalogOf(units);
const shipped = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => compileRunbook({ file, text: readFileSync(new URL(file, folder), 'utf8'), catalog }).runbook)
  .filter((runbook) => runbook !== undefined);

/** Every type that there is. */
const ofAllTypes: Pick<Runbook, 'name' | 'inputs'> = {
  name: 'of-all-types',
  inputs: {
    text: { type: 'string', min: 2, max: 40 },
    number: { type: 'number', min: -5, max: 5 },
    flag: { type: 'boolean', default: false },
    choice: { type: 'choice', choices: ['fast', 'careful', 'true'] },
    instance: { type: 'aws-instance' },
    run: { type: 'run', optional: true },
    incident: { type: 'incident', optional: true },
    hosts: { type: 'list', of: 'aws-instance', max: 5_000 },
    numbers: { type: 'list', of: 'number', max: 20, optional: true },
    flags: { type: 'list', of: 'boolean', optional: true },
    words: { type: 'list', of: 'string', min: 1, optional: true },
  },
};

const good: [Pick<Runbook, 'name' | 'inputs'>, Record<string, Json>][] = [
  ...shipped.map((runbook): [Runbook, Record<string, Json>] => [
    runbook,
    {
      instances: ['i-0ab1c2d3', 'i-0ab1c2d4'],
      users: ['alice'],
      user: 'alice',
      secret: 'prod/alice',
      copies: ['prod/web/alice'],
      reason: 'beacons to a known address',
    },
  ]),
  [
    ofAllTypes,
    {
      text: 'a text',
      number: 3,
      flag: 'yes',
      choice: 'fast',
      instance: 'i-0ab1c2d3',
      run: 'run-4k7mq2x9ab',
      incident: 'inc-4k7mq2x9ab',
      hosts: 'i-0ab1c2d3, i-0ab1c2d4',
      numbers: [1, '2'],
      flags: [true, 'no'],
      words: 'a,b',
    },
  ],
];

/** What it says by name was left out where the runbook does not ask for it. */
function only(runbook: Pick<Runbook, 'inputs'>, inputs: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => Object.hasOwn(runbook.inputs, name)));
}

const launches = fc.oneof(
  ...good.map(([runbook, inputs]) => {
    const ask = { verb: 'launch', runbook: runbook.name, inputs: only(runbook, inputs), reason: 'beacons out' };
    return jsonTexts([{ ask, by: 'alice' }]).map((text) => ({ runbook, text }));
  }),
);

test('the good ones are good', () => {
  expect(shipped.length).toBeGreaterThanOrEqual(2);
  for (const [runbook, inputs] of good) expect(() => readInputs(runbook, only(runbook, inputs))).not.toThrow();
});

test('inputs of a launch', async () => {
  await fuzz({
    name: 'inputs',
    of: launches,
    reaches: ['read', 'inputs.invalid', 'request.malformed', 'no JSON'],
    run: ({ runbook, text }) => {
      const sent = parsed(text);
      if (sent === undefined) return 'no JSON';
      return codeOf(() => {
        const { ask } = readPrepareRequest(sent);
        if (ask.verb !== 'launch') return 'another verb';
        const values = readInputs(runbook, ask.inputs);
        for (const [name, value] of Object.entries(values)) {
          const type = Object.hasOwn(runbook.inputs, name) ? runbook.inputs[name] : undefined;
          if (type === undefined) throw new Error(`"${name}" was not asked for.`);
          if (!isOf(type, value)) throw new Error(`"${name}" is no ${type.type}: ${JSON.stringify(value)}`);
        }
        expect(JSON.parse(canonical(values))).toEqual(values);
        return 'read';
      });
    },
  });
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isOf({ type, of, min = -Infinity, max = Infinity, choices = [] }: InputType, value: Json): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string' && Array.from(value).length <= Math.min(max, 10_000);
    case 'number':
      return typeof value === 'number' && value >= min && value <= max;
    case 'boolean':
      return typeof value === 'boolean';
    case 'choice':
      return typeof value === 'string' && choices.includes(value);
    case 'aws-instance':
      return typeof value === 'string' && /^i-[0-9a-z]{1,17}$/.test(value);
    case 'run':
    case 'incident':
      return typeof value === 'string' && /^(run|inc)-[0-9a-z]{10}$/.test(value);
    case 'list':
      return (
        Array.isArray(value) &&
        value.length <= max &&
        value.every((each) => isOf({ type: of ?? 'string' } as InputType, each))
      );
  }
}
