// Steps that people do by hand or decide: what they become, and everything about them that is refused.
import { expect, test } from 'vitest';
import { compileRunbook } from '../../compiler/compile.js';
import { explain } from '../../compiler/explain.js';
import { explainCommands } from '../../compiler/explain-commands.js';
import { compilePeople } from '../../compiler/people.js';
import { brief, catalog, edit, peopleText } from './examples.js';

const { people } = compilePeople({ file: 'people.yaml', text: peopleText });
if (people === undefined) throw new Error('The example of people.yaml is good.');

const text = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: by-people, version: 1, summary: What people do and decide. }
inputs:
  host: { type: string }
gates:
  rebuilding: { need: 2, from: [security-oncall, platform-leads], personal_keys: 1 }
steps:
  - id: call-owner
    phase: investigate
    manual:
      what: Call the owner of \${{ inputs.host }}.
      who: [security-oncall]
      evidence: Whom you reached, and when.
      remind: 5m
  - id: rebuild-or-clean
    phase: eradicate
    decide:
      what: Is \${{ inputs.host }} rebuilt or cleaned?
      who: [security-oncall, platform-leads]
      choices:
        rebuild: Rebuild it from the image.
        clean: Clean it in place.
  - id: rebuild
    phase: recover
    if: \${{ steps["rebuild-or-clean"].choice == "rebuild" }}
    uses: aws.rebuild-instance@2
    with: { instance: "\${{ inputs.host }}", image: golden }
    gate: rebuilding
`;

function compile(of: string) {
  return compileRunbook({ file: 'a.yaml', text: of, catalog, people, systems: ['aws'] });
}

function good() {
  const { runbook, problems } = compile(text);
  expect(problems).toEqual([]);
  if (runbook === undefined) throw new Error('The example is good.');
  return runbook;
}

const literal = (value: string) => ({ op: 'literal', value });

test('what people do and decide compiles, with its texts, its people and its defaults', () => {
  const [manual, decide, rebuild] = good().steps.map(({ work }) => work);
  const host = { op: 'field', of: { op: 'name', name: 'inputs' }, field: 'host' };
  expect(manual).toEqual({
    kind: 'manual',
    what: { op: 'text', parts: [literal('Call the owner of '), host, literal('.')] },
    who: ['security-oncall'],
    evidence: 'Whom you reached, and when.',
    remindMs: 300_000,
  });
  expect(decide).toEqual({
    kind: 'decide',
    what: { op: 'text', parts: [literal('Is '), host, literal(' rebuilt or cleaned?')] },
    who: ['security-oncall', 'platform-leads'],
    choices: { rebuild: 'Rebuild it from the image.', clean: 'Clean it in place.' },
    remindMs: 900_000,
  });
  expect(rebuild).toMatchObject({ kind: 'change' });
});

test('the checklist says what people are asked, who they are, and what to type', () => {
  const lines = explain(good(), catalog);
  expect(lines).toContain(`  [ ] 1. call-owner (investigate): Call the owner of \${{ inputs.host }}.
         security-oncall do this by hand; they and the owner are reminded every 5m, and the run waits.
         To be written down: Whom you reached, and when.
         When it is done: firebreak confirm RUN --step call-owner
         Begins at once.
  [ ] 2. rebuild-or-clean (eradicate): Is \${{ inputs.host }} rebuilt or cleaned?
         security-oncall or platform-leads decide; they and the owner are reminded every 15m, and the run waits.
           firebreak choose RUN rebuild --step rebuild-or-clean: Rebuild it from the image.
           firebreak choose RUN clean --step rebuild-or-clean: Clean it in place.
         Begins when call-owner has ended.`);
  // A failure of a target is nothing that such a step can have.
  expect(lines).toContain('If a target fails\n  rebuild: ');
});

test('by hand, when Firebreak is down, they are lines of the same checklist', () => {
  const lines = explainCommands(good(), catalog, { systems: {}, inputs: {} });
  expect(lines).toContain(
    '# [ ] 1. call-owner (investigate): Call the owner of ${{ inputs.host }}. (security-oncall)\n#     Write down: Whom you reached, and when.',
  );
  expect(lines).toContain('#     - rebuild: Rebuild it from the image.\n#     - clean: Clean it in place.');
});

const refused: [string, string, string, string, string][] = [
  [
    'a step that says two things',
    '    manual:\n',
    '    uses: aws.collect-instance@1\n    ⟦manual:\n',
    'step.two-works',
    'step "call-owner" has both "uses" and "manual"',
  ],
  [
    'a step that says nothing',
    '    uses: aws.rebuild-instance@2\n    with: { instance: "${{ inputs.host }}", image: golden }\n    gate: rebuilding\n',
    '',
    'step.no-work',
    'step "rebuild" does not say what is done',
  ],
  [
    'a gate where nothing is changed',
    '      remind: 5m\n',
    '      remind: 5m\n    ⟦gate: rebuilding\n',
    'step.idle-field',
    '"gate" means nothing at a step that people do',
  ],
  [
    'a loop over what people decide',
    '        clean: Clean it in place.\n',
    '        clean: Clean it in place.\n    ⟦for_each: [a, b]\n',
    'step.idle-field',
    '"for_each" means nothing at a step that people decide',
  ],
  [
    'an unknown group',
    'who: [security-oncall]\n',
    'who: [⟦security-oncal]\n',
    'step.unknown-group',
    'unknown group "security-oncal"; did you mean "security-oncall"?',
  ],
  [
    'a decision with one choice',
    'choices:\n        rebuild: Rebuild it from the image.\n',
    'choices:\n',
    'shape.bad-value',
    '"choices" must have at least two entries',
  ],
  [
    'a choice that the step does not offer',
    '.choice == "rebuild"',
    '.choice == ⟦"rebild"',
    'expression.never-equal',
    '',
  ],
  [
    'the choice of a step that decides nothing',
    'steps["rebuild-or-clean"].choice',
    'steps["call-owner"].⟦choice',
    'expression.unknown-field',
    '',
  ],
  [
    'a misspelt field',
    '      evidence:',
    '      ⟦evidnce:',
    'shape.unknown-field',
    'unknown manual field "evidnce"; did you mean "evidence"?',
  ],
  ['nobody named', '      who: [security-oncall]\n', '', 'shape.missing', 'this manual lacks "who"'],
];

test.each(refused)('%s is refused', (_name, from, to, code, message) => {
  const marked = to.includes('⟦');
  const {
    text: bad,
    line,
    column,
  } = marked ? edit(text, from, to) : { text: text.replace(from, () => to), line: 0, column: 0 };
  const { runbook, problems } = compile(bad);
  expect(runbook).toBeUndefined();
  const said = problems.map(brief);
  const found = said.find((each) => each.code === code && (!marked || (each.line === line && each.column === column)));
  expect(found, JSON.stringify(said)).toBeDefined();
  expect(found?.message).toContain(message);
  for (const { nextStep } of problems) expect(nextStep).toMatch(/\S/);
});

test('a step that nobody who exists can answer is refused', () => {
  const left = compilePeople({ file: 'people.yaml', text: peopleText.replace('[carol, dave]', '[dave]') }).people;
  const { problems } = compileRunbook({
    file: 'a.yaml',
    text: text.replace('who: [security-oncall]', 'who: [platform-leads]'),
    catalog,
    people: left,
  });
  expect(problems.map(brief)).toContainEqual(
    expect.objectContaining({
      code: 'step.nobody',
      message: 'nobody can answer step "call-owner": platform-leads has nobody',
    }),
  );
});

test('a containment that one person can leave out by deciding is noted, at its condition', () => {
  const { text: edited, line } = edit(
    text,
    '  - id: rebuild\n    phase: recover\n    if: ${{ steps["rebuild-or-clean"].choice == "rebuild" }}\n    uses: aws.rebuild-instance@2\n    with: { instance: "${{ inputs.host }}", image: golden }\n',
    '  - id: isolate\n    phase: contain\n    ⟦if: ${{ steps["rebuild-or-clean"].choice == "rebuild" }}\n    uses: aws.isolate-instance@1\n    with: { instance: "${{ inputs.host }}" }\n',
  );
  const { runbook, problems } = compile(edited);
  expect(runbook).toBeDefined();
  expect(problems.filter(({ code }) => code === 'decide.containment')).toMatchObject([
    {
      line,
      level: 'note',
      message: 'whoever decides "rebuild-or-clean" can leave the containment "isolate" out, alone',
    },
  ]);
});

test('no condition can ask for a decision that nobody made: it is never met, so it is refused', () => {
  const { text: edited } = edit(text, '.choice == "rebuild"', '.choice == ⟦""');
  expect(compile(edited).problems).toMatchObject([{ code: 'expression.never-equal' }]);
});
