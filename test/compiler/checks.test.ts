// Checks, `until` and `bound`: what they become, and everything about them that is refused.
import { expect, test } from 'vitest';
import { catalogOf } from '../../compiler/catalog.js';
import { compileRunbook } from '../../compiler/compile.js';
import { explain } from '../../compiler/explain.js';
import { compilePeople } from '../../compiler/people.js';
import { units } from '../../activities/index.js';
import { brief, checksText as text, edit, peopleText } from './examples.js';

const catalog = catalogOf(units);
const { people } = compilePeople({ file: 'people.yaml', text: peopleText });
if (people === undefined) throw new Error('The example of people.yaml is good.');

function compile(of: string) {
  return compileRunbook({ file: 'a.yaml', text: of, catalog, people, systems: ['aws'] });
}

function good() {
  const { runbook, problems } = compile(text);
  expect(problems).toEqual([]);
  if (runbook === undefined) throw new Error('The example is good.');
  return runbook;
}

test('a check compiles, with what is awaited of it, and a loop over what it finds with its bound', () => {
  const [find, isolate, copied] = good().steps;
  const found = { op: 'name', name: 'found' };
  expect(find?.work).toMatchObject({ kind: 'check', unit: 'aws.find-instances@1', system: 'aws' });
  expect(find?.timeoutMs).toBe(300_000);
  expect(isolate).toMatchObject({ bound: 40, forEach: { op: 'filter', as: 'x' } });
  expect(copied?.work).toMatchObject({
    kind: 'check',
    until: {
      met: { op: 'and', right: { op: 'all', of: found, as: 's', test: { op: 'field', field: 'complete' } } },
      everyMs: 30_000,
      withinMs: 7_200_000,
    },
  });
});

test('it is explained in plain words', () => {
  const told = explain(good(), catalog);
  expect(told).toContain(
    'Once for each of steps.find.found.filter(x, x.state != "stopped"); at most 40 without asking anew.',
  );
  expect(told).toContain(
    'Again every 30s until size(found) > 0 && found.all(s, s.complete); after 2h it counts as failed.',
  );
});

const condition = 'size(found) > 0 && found.all(s, s.complete)';

test.each<[what: string, from: string, to: string, code: string, message: string]>([
  [
    'a loop over findings without a bound',
    '    bound: 40\n',
    '',
    'loop.unbounded',
    'nothing says how much can be found',
  ],
  [
    'a bound of what is given at launch',
    '    with: { instance: "${{ item }}" }',
    '    ⟦bound: 3\n    with: { instance: "${{ item }}" }',
    'bound.idle',
    'these targets are given at launch and not found by a step',
  ],
  [
    'a field that no finding has',
    'x.state != "stopped"',
    'x.⟦status != "stopped"',
    'expression.unknown-field',
    'there is no field "status" here; did you mean "state"?',
  ],
  [
    'a word that no finding has',
    'x.state != "stopped"',
    'x.state != ⟦"halted"',
    'expression.never-equal',
    'this is never "halted"',
  ],
  [
    'what is true where nothing is found',
    condition,
    'found.all(s, s.complete)',
    'until.all-of-nothing',
    'where nothing is found this is true',
  ],
  [
    'what looks at nothing',
    condition,
    'inputs.image == ""',
    'until.reads-nothing',
    'this does not look at what was found',
  ],
  [
    'what is neither true nor false',
    condition,
    'size(found)',
    'expression.type',
    '"until" must be true or false, not a number',
  ],
  ['an until without an end', '    within: 2h\n', '', 'until.unbounded', '"until" needs "within"'],
  ['too many looks', 'within: 2h', 'within: ⟦10h', 'until.too-often', 'this would be over 1000 looks'],
  [
    'an until of what is no check',
    '    gate: containment\n',
    '    gate: containment\n    ⟦until: "${{ true }}"\n',
    'step.until',
    'aws.isolate-instance@1 is not a check, so there is nothing to look at again',
  ],
  [
    'a within without until',
    '    with: { image: "${{ inputs.image }}" }',
    '    with: { image: "${{ inputs.image }}" }\n    ⟦within: 5m',
    'step.idle-field',
    '"within" means nothing without "until"',
  ],
  [
    'a gate at a check',
    '    with: { image: "${{ inputs.image }}" }',
    '    with: { image: "${{ inputs.image }}" }\n    ⟦gate: containment',
    'gate.nothing-to-approve',
    'aws.find-instances@1 changes nothing, so a gate has nothing to approve',
  ],
  [
    'what was found where it was not looked for yet',
    '    with: { image: "${{ inputs.image }}" }',
    '    if: ${{ size(⟦found) > 0 }}\n    with: { image: "${{ inputs.image }}" }',
    'expression.unknown-name',
    'unknown name "found"',
  ],
])('%s is refused', (_what, from, to, code, message) => {
  const isMarked = to.includes('⟦');
  const {
    text: bad,
    line,
    column,
  } = isMarked ? edit(text, from, to) : { text: text.replace(from, () => to), line: 0, column: 0 };
  const { runbook, problems } = compile(bad);
  expect(runbook).toBeUndefined();
  const found = problems.map(brief).map((each) => (isMarked ? each : { ...each, line, column }));
  expect(found).toContainEqual({ line, column, code, message });
  for (const { nextStep } of problems) expect(nextStep).toMatch(/\S[.)}]$/);
});
