// Runbooks within runbooks: what a run gets, and everything that cannot be included.
import { expect, test } from 'vitest';
import { compileRunbook } from '../../compiler/compile.js';
import { libraryOf } from '../../compiler/library.js';
import { compilePeople } from '../../compiler/people.js';
import { evaluate } from '../../core/expression.js';
import type { Json } from '../../core/json.js';
import { brief, catalog, edit, peopleText } from './examples.js';

const { people } = compilePeople({ file: 'people.yaml', text: peopleText });

function head(name: string): string {
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: ${name}, version: 1, summary: An example. }
`;
}

const inner = `${head('cut-off')}inputs:
  hosts: { type: list, of: aws-instance, max: 50 }
  why: { type: string, default: unknown }
  speed: { type: choice, choices: [fast, careful], default: fast }
  ticket: { type: string, optional: true }
gates:
  containment: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: isolate
    phase: contain
    uses: aws.isolate-instance@1
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}" }
    gate: containment
  - id: way
    phase: close
    if: \${{ inputs.speed == "careful" && steps.isolate.counts.failed == 0 }}
    decide:
      what: "Is \${{ inputs.why }} (\${{ has(inputs.ticket) ? inputs.ticket : 'no ticket' }}) told?"
      who: [security-oncall]
      choices: { told: It was., later: It will be. }
`;

const outer = `${head('respond')}inputs:
  hosts: { type: list, of: aws-instance, max: 20 }
  reason: { type: string }
  careful: { type: boolean }
gates:
  ours: { need: 1, from: [security-oncall] }
steps:
  - id: first
    phase: investigate
    manual: { what: Look., who: [security-oncall] }
  - id: cut
    runbook: cut-off
    if: \${{ inputs.careful }}
    with: { hosts: "\${{ inputs.hosts }}", why: "it is \${{ inputs.reason }}", speed: careful }
  - id: after
    phase: close
    if: \${{ steps["cut.way"].choice == "told" && steps["cut.isolate"].counts.failed == 0 }}
    manual: { what: Done., who: [security-oncall] }
  - id: keep
    phase: contain
    uses: aws.protect-instance@1
    with: { instance: i-0ab1 }
    gate: ours
`;

function compile(text: string, others: Record<string, string> = { 'cut-off.yaml': inner }) {
  const sources = Object.entries(others).map(([file, each]) => ({ file, text: each }));
  const library = libraryOf([...sources, { file: 'respond.yaml', text }], { catalog });
  return compileRunbook({ file: 'respond.yaml', text, catalog, people, library });
}

function good(text = outer) {
  const { runbook, problems } = compile(text);
  expect(problems.filter(({ level }) => level === 'error')).toEqual([]);
  if (runbook === undefined) throw new Error('The example is good.');
  return runbook;
}

test('the steps of the inner runbook stand in its place, wait for what it waits for, and are waited for', () => {
  const { steps, gates } = good();
  expect(steps.map(({ id, needs, gate }) => [id, needs, gate])).toEqual([
    ['first', [], undefined],
    ['cut.isolate', ['first'], 'cut.containment'],
    ['cut.way', ['cut.isolate'], undefined],
    ['after', ['cut.isolate', 'cut.way'], undefined],
    ['keep', ['after'], 'ours'],
  ]);
  expect(gates['cut.containment']).toMatchObject({ need: 1, from: ['security-oncall', 'platform-leads'] });
});

test('they read what the outer one gives them, its conditions and defaults with it', () => {
  const { steps } = good();
  const [, isolate, way] = steps;
  const inputs = { hosts: ['i-0a', 'i-0b'], reason: 'a beacon', careful: true };
  const isolated = (failed: number): Record<string, Json> => ({
    inputs,
    steps: { 'cut.isolate': { counts: { failed } } },
  });
  expect(isolate?.forEach && evaluate(isolate.forEach, { inputs })).toEqual(['i-0a', 'i-0b']);
  expect(isolate?.if && evaluate(isolate.if, { inputs })).toBe(true);
  expect(way?.if && evaluate(way.if, isolated(0))).toBe(true);
  expect(way?.if && evaluate(way.if, isolated(1))).toBe(false);
  expect(way?.if && evaluate(way.if, { ...isolated(0), inputs: { ...inputs, careful: false } })).toBe(false);
  expect(way?.work.kind === 'decide' && evaluate(way.work.what, { inputs })).toBe(
    'Is it is a beacon (no ticket) told?',
  );
  const ticket = good(outer.replace('speed: careful', 'speed: careful, ticket: OPS-1')).steps[2];
  expect(ticket?.work.kind === 'decide' && evaluate(ticket.work.what, { inputs })).toBe(
    'Is it is a beacon (OPS-1) told?',
  );
});

test('a gate of the inner one can ask at ours, where that is no easier', () => {
  const text = outer.replace('    runbook: cut-off\n', '    runbook: cut-off\n    gates: { containment: ours }\n');
  const { steps, gates } = good(text);
  expect(steps[1]?.gate).toBe('ours');
  expect(Object.keys(gates)).toEqual(['ours']);
  const easier = edit(text, '{ containment: ours }', '{ containment: ⟦ours }');
  const weak = easier.text.replace('from: [security-oncall] }', 'from: [security-oncall, security-leads] }');
  expect(compile(weak).problems.map(brief)).toContainEqual(
    expect.objectContaining({ line: easier.line, column: easier.column, code: 'gate.weaker' }),
  );
  // An approval that is good for longer can be carried out when its giver has long forgotten it.
  const longer = easier.text.replace('from: [security-oncall] }', 'from: [security-oncall], approval_valid: 24h }');
  expect(longer).not.toBe(easier.text);
  expect(compile(longer).problems.map(brief)).toContainEqual(expect.objectContaining({ code: 'gate.weaker' }));
});

test('runbooks within runbooks within runbooks are steps all the same', () => {
  const middle = `${head('middle')}inputs:
  hosts: { type: list, of: aws-instance, max: 20 }
steps:
  - id: cut
    runbook: cut-off
    with: { hosts: "\${{ inputs.hosts }}" }
`;
  const text = `${head('respond')}inputs:
  hosts: { type: list, of: aws-instance, max: 20 }
steps:
  - id: all
    runbook: middle
    with: { hosts: "\${{ inputs.hosts }}" }
`;
  const { runbook, problems } = compile(text, { 'a.yaml': inner, 'b.yaml': middle });
  expect(problems).toEqual([]);
  expect(runbook?.steps.map(({ id, needs }) => [id, needs])).toEqual([
    ['all.cut.isolate', []],
    ['all.cut.way', ['all.cut.isolate']],
  ]);
  expect(Object.keys(runbook?.gates ?? {})).toEqual(['all.cut.containment']);
});

test.each<[string, string, string, string, string]>([
  [
    'an unknown runbook',
    'runbook: cut-off',
    'runbook: ⟦cut-of',
    'runbook.unknown',
    'unknown runbook "cut-of"; did you mean "cut-off"?',
  ],
  [
    'itself',
    'runbook: cut-off',
    'runbook: ⟦respond',
    'runbook.circle',
    'these runbooks include one another: respond includes respond',
  ],
  [
    'an input that it does not have',
    'speed: careful',
    '⟦sped: careful',
    'with.unknown-field',
    'cut-off takes no "sped"; did you mean "speed"?',
  ],
  [
    'a value that could not be given',
    'speed: careful',
    'speed: ⟦slow',
    'with.bad-value',
    'input "speed" must be one of fast, careful, not "slow"',
  ],
  [
    'a value of another type',
    'hosts: "${{ inputs.hosts }}"',
    'hosts: ⟦"${{ inputs.reason }}"',
    'with.wrong-type',
    '"hosts" must be a list, not a text',
  ],
  [
    'a word that need not be a choice',
    'speed: careful',
    'speed: ⟦"${{ inputs.reason }}"',
    'with.wrong-type',
    '"speed" must be one of fast, careful, which this need not be',
  ],
  [
    'a phase',
    'runbook: cut-off',
    'runbook: cut-off\n    ⟦phase: contain',
    'step.idle-field',
    '"phase" means nothing at a step that is a runbook, whose steps say that',
  ],
  [
    'an unknown gate of it',
    'runbook: cut-off',
    'runbook: cut-off\n    gates: { ⟦containmnt: ours }',
    'gate.unknown',
    'cut-off has no gate "containmnt"; did you mean "containment"?',
  ],
  [
    'an unknown gate of ours',
    'runbook: cut-off',
    'runbook: cut-off\n    gates: { containment: ⟦our }',
    'gate.unknown',
    'unknown gate "our"; did you mean "ours"?',
  ],
  ['its result as a whole', 'steps["cut.way"]', 'steps["⟦cut"]', 'expression.unknown-step', 'unknown step "cut"'],
])('%s is refused', (_name, from, to, code, message) => {
  const { text, line, column } = edit(outer, from, to);
  const said = compile(text).problems.map(brief);
  const found = said.find((each) => each.code === code);
  expect(found, JSON.stringify(said)).toMatchObject({ line, message });
  expect(Math.abs((found?.column ?? 0) - column)).toBeLessThanOrEqual(1);
});

test('a longer list than it takes is refused, and one without a bound', () => {
  for (const [max, long] of [
    ['max: 100', 'up to 100 entries'],
    ['min: 1', 'any number of entries'],
  ]) {
    const said = compile(outer.replace('max: 20', max ?? '')).problems.map(brief);
    const message = `"hosts" takes at most 50 entries, and this list can have ${long}`;
    expect(said).toContainEqual(expect.objectContaining({ code: 'with.too-long', message }));
  }
});

test('a missing input is refused, and an inner runbook with an error is named with the error', () => {
  const missing = compile(outer.replace('hosts: "${{ inputs.hosts }}", ', '')).problems.map(brief);
  expect(missing).toContainEqual(
    expect.objectContaining({ code: 'with.missing', message: 'cut-off needs "hosts" in with' }),
  );
  const broken = compile(outer, { 'cut-off.yaml': inner.replace('phase: contain', 'phase: contan') }).problems;
  const why = broken.find(({ code }) => code === 'runbook.broken')?.message;
  expect(why).toMatch(/^runbook "cut-off" has an error: cut-off\.yaml:\d+:\d+ .*contan/);
});

function only(text: string, environments: string): string {
  return text.replace('metadata: {', `metadata: { environments: [${environments}],`);
}

/** Of an outer runbook for these environments that includes one for staging and test. */
function codesWithin(environments: string | undefined): string[] {
  const text = environments === undefined ? outer : only(outer, environments);
  return compile(text, { 'cut-off.yaml': only(inner, 'staging, test') }).problems.map(({ code }) => code);
}

test('what may only be launched in some environments is included only by what may be launched nowhere else', () => {
  for (const wider of [undefined, 'production', 'staging, production'])
    expect(codesWithin(wider)).toContain('runbook.elsewhere');
  for (const within of ['staging', 'test, staging']) expect(codesWithin(within)).not.toContain('runbook.elsewhere');
});

function including(name: string, other: string): string {
  return `${head(name)}steps:\n  - { id: a, runbook: ${other} }\n`;
}

test('runbooks that include one another are refused wherever one begins', () => {
  const { problems } = compile(including('respond', 'b'), { 'b.yaml': including('b', 'respond') });
  expect(problems).toMatchObject([{ code: 'runbook.broken' }]);
  expect(problems[0]?.message).toContain('these runbooks include one another: respond includes b includes respond');
});

test('what unfolds into more steps than a run can have is refused, and soon', () => {
  const many = (name: string, of: string) =>
    `${head(name)}steps:\n${Array.from({ length: 11 }, (_, nth) => `  - { id: s${nth}, runbook: ${of} }`).join('\n')}\n`;
  const leaf = `${head('leaf')}steps:\n  - { id: look, phase: close, manual: { what: Look., who: [security-oncall] } }\n`;
  const others = { 'leaf.yaml': leaf, 'a.yaml': many('a', 'leaf'), 'b.yaml': many('b', 'a'), 'c.yaml': many('c', 'b') };
  const { problems } = compile(many('respond', 'b'), others);
  expect(problems).toMatchObject([{ code: 'runbook.too-many-steps' }]);
  const started = Date.now();
  const codes = new Set(compile(many('respond', 'c'), others).problems.map(({ code }) => code));
  expect([...codes]).toEqual(['runbook.broken']);
  expect(Date.now() - started).toBeLessThan(5_000);
});

test('no step has the name that every object has, for it would pass for having ended', () => {
  const { problems } = compile(outer.replaceAll('id: cut\n', 'id: constructor\n'));
  expect(problems.map(({ message }) => message).join()).toContain('is a name that every object of JavaScript has');
});
