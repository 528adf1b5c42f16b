import { expect, test } from 'vitest';
import { compileRunbook } from '../../compiler/compile.js';
import { expressionCharsMax, lowerCel, lowerText, type Scope } from '../../compiler/expression.js';
import { int, stepResult, text } from '../../compiler/expression-type.js';
import { showExpression } from '../../compiler/show-expression.js';
import { evaluate } from '../../core/expression.js';
import { brief, catalog, edit, runbookText } from './examples.js';

const scope: Scope = {
  inputs: {
    name: text,
    count: { kind: 'double' },
    hosts: { kind: 'list', of: text, max: 5 },
    speed: { kind: 'string', words: ['fast', 'careful'] },
    ticket: text,
  },
  optional: new Set(['ticket']),
  present: new Set(),
  item: text,
  steps: () => ({ 'make-group': stepResult, isolate: stepResult }),
  allSteps: new Set(['make-group', 'isolate', 'rebuild']),
};

const names = {
  inputs: { name: 'web', count: 3, hosts: ['a', 'b'], speed: 'fast' },
  item: 'i-0ab1',
  steps: {
    isolate: { state: 'done', counts: { applied: 7, failed: 0 } },
    'make-group': { state: 'partial', counts: {} },
  },
};

test.each([
  ['inputs.name', 'web'],
  ['item', 'i-0ab1'],
  ['size(inputs.hosts) * 2', 4],
  ['inputs.hosts.size() == 2', true],
  ['inputs.hosts[1]', 'b'],
  ['inputs["name"] + "-" + item', 'web-i-0ab1'],
  ['inputs.count + 1', 4],
  ['7 / 2', 3],
  ['-7 / 2', -3],
  ['inputs.count / 2', 1.5],
  ['"a" in inputs.hosts && !("z" in inputs.hosts)', true],
  ['steps.isolate.counts.applied > 5', true],
  ['steps["make-group"].state == "partial"', true],
  ['has(inputs.ticket) ? inputs.ticket : "none"', 'none'],
  ['!has(inputs.ticket) || inputs.ticket.startsWith("INC")', true],
  ['{"a": [1, 2], "b": {"c": inputs.count}}', { a: [1, 2], b: { c: 3 } }],
  ['inputs.speed in ["fast"] ? 1 : 2', 1],
  ["\"}}\".contains(\"}\") && '''it's'''.endsWith(\"s\")", true],
])('%s is lowered to a tree that means it', (cel, value) => {
  const { expr, faults } = lowerText(`\${{ ${cel} }}`, scope);
  expect(faults).toEqual([]);
  expect(evaluate(expr, names)).toEqual(value);
  expect(JSON.parse(JSON.stringify(expr))).toEqual(expr);
});

test('an expression that is shown again is the same expression', () => {
  for (const cel of [
    '(1 + 2) * 3 - -4 % (5 - 6)',
    'size(inputs.hosts) > 1 && (inputs.name == "a" || !(inputs.count < 3.0))',
    '(inputs.count > 1 ? 1 : 2) + (1 - (2 - 3))',
    'inputs.name.startsWith("a") ? {"x y": [item]}["x y"][0] : steps["make-group"].state',
    'has(inputs.ticket) && inputs.ticket.contains("}}")',
  ]) {
    const { expr, faults } = lowerCel(cel, 0, scope);
    expect(faults).toEqual([]);
    expect(lowerCel(showExpression(expr), 0, scope).expr).toEqual(expr);
  }
});

test('an expression alone keeps its type, expressions within text become text', () => {
  expect(lowerText('${{ inputs.hosts }}', scope)).toMatchObject({ type: { kind: 'list', max: 5 } });
  expect(lowerText(' ${{ inputs.count }}\n', scope)).toMatchObject({ type: { kind: 'double' } });
  const { expr, type } = lowerText('${{ inputs.name }}-${{ inputs.count }} of ${{ item }}', scope);
  expect(type).toEqual({ kind: 'string' });
  expect(evaluate(expr, names)).toBe('web-3 of i-0ab1');
  expect(lowerText('no expression', scope).expr).toEqual({ op: 'literal', value: 'no expression' });
});

test('the length of a list is known through joining and choosing, so that loops keep their bound', () => {
  expect(lowerCel('inputs.hosts + ["a", "b"]', 0, scope).type).toMatchObject({ kind: 'list', max: 7 });
  expect(lowerCel('inputs.count > 1 ? inputs.hosts : ["a"]', 0, scope).type).toMatchObject({ kind: 'list', max: 5 });
});

test.each([
  ['an unknown input', 'inputs.⟦nam', 'expression.unknown-input', 'unknown input "nam"; did you mean "name"?'],
  ['an unknown name', '1 + ⟦input.name', 'expression.unknown-name', 'unknown name "input"; did you mean "inputs"?'],
  [
    'an input without its root',
    '⟦count > 1',
    'expression.unknown-name',
    'unknown name "count"; did you mean "inputs.count"?',
  ],
  [
    'an unknown step',
    'steps.⟦isolat.state',
    'expression.unknown-step',
    'unknown step "isolat"; did you mean "isolate"?',
  ],
  [
    'a step with a hyphen, which subtracts',
    'steps.⟦make-group.state',
    'expression.unknown-step',
    'unknown step "make"; did you mean steps["make-group"]?',
  ],
  [
    'a step that this one does not wait for',
    'steps.⟦rebuild.state == "done"',
    'expression.step-not-needed',
    'step "rebuild" may not have ended when this one begins',
  ],
  [
    'an unknown field of a result',
    'steps.isolate.⟦count.applied',
    'expression.unknown-field',
    'there is no field "count" here; did you mean "counts"?',
  ],
  [
    'an unknown count',
    'steps.isolate.counts.⟦aplied',
    'expression.unknown-field',
    'there is no field "aplied" here; did you mean "applied"?',
  ],
  ['a field of a text', 'inputs.name.⟦length', 'expression.type', 'a text has no field "length"'],
  [
    'an input that may be left out',
    'inputs.⟦ticket == "a"',
    'expression.maybe-absent',
    'input "ticket" may be left out at launch',
  ],
  [
    'an input that is asked for too late',
    'inputs.⟦ticket == "a" && has(inputs.ticket)',
    'expression.maybe-absent',
    'input "ticket" may be left out at launch',
  ],
  [
    'an input where it is known to be absent',
    'has(inputs.ticket) ? "a" : inputs.⟦ticket',
    'expression.maybe-absent',
    'input "ticket" may be left out at launch',
  ],
  [
    'a state that no step can have',
    'steps.isolate.state == ⟦"complete"',
    'expression.never-equal',
    'this is never "complete"',
  ],
  [
    'a choice that is not offered',
    'inputs.speed != ⟦"fsat"',
    'expression.never-equal',
    'this is never "fsat"; did you mean "fast"?',
  ],
  ['a choice that is not in a list', 'inputs.speed in ⟦["slow"]', 'expression.never-equal', 'this is never "slow"'],
  [
    'a pattern',
    'inputs.name.⟦matches("a+")',
    'expression.unknown-function',
    '"matches" cannot be used: patterns are not part of this language',
  ],
  [
    'a loop that makes something else of each entry',
    'inputs.hosts.⟦map(h, h + "1")',
    'expression.unknown-function',
    '"map" cannot be used: only all, exists and filter look at the entries of a list',
  ],
  [
    'a loop within a loop',
    'inputs.hosts.all(h, ⟦inputs.hosts.exists(g, g != h))',
    'expression.not-supported',
    'a loop within a loop is not part of this language',
  ],
  ['a loop over what is no list', '⟦inputs.name.all(h, h != "")', 'expression.type', '"all" does not take a text'],
  [
    'a loop that asks nothing',
    'inputs.hosts.filter(h, ⟦h)',
    'expression.type',
    'this must be true or false, not a text',
  ],
  [
    'an entry that is named like something else',
    'inputs.hosts.all(⟦item, true)',
    'expression.arguments',
    '"item" means something else here',
  ],
  ['an entry outside its loop', 'inputs.hosts.all(h, true) && ⟦h == ""', 'expression.unknown-name', 'unknown name "h"'],
  [
    'the clock',
    '⟦timestamp("2031-01-01T00:00:00Z") == 1',
    'expression.unknown-function',
    '"timestamp" cannot be used: the clock is not part of this language',
  ],
  [
    'a misspelt function',
    'inputs.name.⟦startWith("a")',
    'expression.unknown-function',
    'unknown function "startWith"; did you mean "startsWith"?',
  ],
  ['a conversion', '⟦dyn(1)', 'expression.unknown-function', 'unknown function "dyn"'],
  [
    'a function called like a method of nothing',
    '⟦startsWith("a", "b")',
    'expression.arguments',
    '"startsWith" is not called like this',
  ],
  ['has() of something else', '⟦has(item)', 'expression.arguments', '"has" asks for a field'],
  ['the size of a number', 'size(⟦inputs.count)', 'expression.type', '"size" does not take a number'],
  ['a number and a text', '⟦inputs.count == "3"', 'expression.type', 'a number never equals a text'],
  ['an order of lists', '⟦inputs.hosts < inputs.hosts', 'expression.type', 'a list and a list have no order'],
  ['a sum of a text and a number', '⟦inputs.name + 1', 'expression.type', 'a text and a number cannot be added'],
  ['arithmetic with a text', '⟦inputs.name * 2', 'expression.type', '"*" takes numbers, not a text'],
  ['the remainder of a fraction', '⟦inputs.count % 2', 'expression.type', '"%" takes whole numbers'],
  [
    'a condition that is a number',
    '⟦inputs.count && true',
    'expression.type',
    'this must be true or false, not a number',
  ],
  ['two sides of different types', 'true ? ⟦1 : "a"', 'expression.type', 'this is either a number or a text'],
  ['a list of different types', '⟦[1, "a"]', 'expression.type', 'the entries of this list are of different types'],
  ['an entry of a text', 'inputs.name[⟦0]', 'expression.type', 'a text has no entries that could be counted'],
  ['a field that is computed', '⟦steps[inputs.name]', 'expression.whole', '"steps" cannot be used as a whole'],
  ['a number beyond 2^53', '⟦9007199254740992 > 1', 'expression.number', 'this number cannot be held exactly'],
  ['bytes', '⟦b"x"', 'expression.not-supported', 'only texts, numbers, true, false and null can be written here'],
  ['half an expression', '1 +⟦', 'expression.syntax', 'this is not an expression: unexpected token: EOF'],
  ['an assignment', 'inputs.name ⟦= "a"', 'expression.syntax', 'this is not an expression: unexpected character: ='],
])('%s is refused where it stands', (_, example, code, message) => {
  const offset = example.indexOf('⟦');
  const { faults } = lowerCel(example.replace('⟦', ''), 0, scope);
  expect(faults.map((fault) => ({ offset: fault.offset, code: fault.code, message: fault.message }))).toContainEqual({
    offset,
    code,
    message,
  });
});

test('an expression without an end, and one that nobody would read, are refused', () => {
  expect(lowerText('a ${{ inputs.name', scope).faults).toMatchObject([{ offset: 2, code: 'expression.unclosed' }]);
  expect(lowerCel(`1${' + 1'.repeat(expressionCharsMax)}`, 0, scope).faults).toMatchObject([
    { code: 'expression.too-long' },
  ]);
});

test('a list cannot stand within text, where it would print as JSON', () => {
  expect(lowerText('hosts: ${{ inputs.hosts }}', scope).faults).toMatchObject([
    { offset: 11, code: 'expression.type', message: 'a list cannot stand within text' },
  ]);
});

test.each([
  [
    'in a plain value',
    'instance: ${{ item }}\n    needs',
    'instance: ${{ ⟦itm }}\n    needs',
    'unknown name "itm"; did you mean "item"?',
  ],
  [
    'in quotes',
    '"${{ inputs.image }}-v${{ inputs.size }}"',
    '"${{ inputs.image }}-v${{ inputs.⟦sise }}"',
    'unknown input "sise"; did you mean "size"?',
  ],
  [
    'in quotes with escapes',
    '"${{ inputs.image }}-v${{ inputs.size }}"',
    '"\\tx\\u00e9 ${{ inputs.⟦imge }}"',
    'unknown input "imge"; did you mean "image"?',
  ],
  [
    'over several lines',
    'image: "${{ inputs.image }}-v${{ inputs.size }}"',
    'image: >-\n        ${{\n          inputs.image +\n          inputs.⟦imge\n        }}',
    'unknown input "imge"; did you mean "image"?',
  ],
  [
    'within a list',
    '"${{ has(inputs.ticket) ? inputs.ticket : \'none\' }}"',
    '"${{ inputs.⟦ticket }}"',
    'input "ticket" may be left out at launch',
  ],
  [
    'of a step that is not waited for',
    'instance: ${{ item }}\n    needs: []',
    'instance: ${{ steps.⟦collect.state }}\n    needs: []',
    'step "collect" may not have ended when this one begins',
  ],
  [
    'in a condition, before there is an item',
    'if: ${{ inputs.speed',
    'if: ${{ ⟦item == "a" && inputs.speed',
    'there is no "item" here',
  ],
  [
    'in a condition that is no expression',
    'if: ${{ inputs.speed != "fast" && steps.isolate.counts.failed == 0 }}',
    'if: ⟦inputs.speed',
    '"if" takes an expression',
  ],
  [
    'in a condition that is a text',
    'if: ${{ inputs.speed != "fast" && steps.isolate.counts.failed == 0 }}',
    'if: ⟦${{ inputs.speed }}',
    '"if" must be true or false, not a text',
  ],
])('a slip %s is reported at its line and column of the YAML file', (_, from, to, message) => {
  const { text: yaml, line, column } = edit(runbookText, from, to);
  const { problems } = compileRunbook({ file: 'a.yaml', text: yaml, catalog });
  expect(problems.map(brief).map(({ code: _code, ...rest }) => rest)).toContainEqual({ line, column, message });
});

test('a condition that asks for an optional input lets the rest of the step read it', () => {
  const { text: yaml } = edit(
    runbookText.replace('"${{ has(inputs.ticket) ? inputs.ticket : \'none\' }}"', '"${{ inputs.ticket }}"'),
    'if: ${{ inputs.speed',
    'if: ⟦${{ has(inputs.ticket) && inputs.speed',
  );
  expect(compileRunbook({ file: 'a.yaml', text: yaml, catalog }).problems).toEqual([]);
});

test('counts are whole numbers', () => {
  expect(lowerCel('steps.isolate.counts.failed / 2', 0, scope)).toMatchObject({ type: int, expr: { op: '//' } });
});
