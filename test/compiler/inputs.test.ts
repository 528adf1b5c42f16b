import { expect, test } from 'vitest';
import { readInputs } from '../../compiler/inputs.js';
import type { Json } from '../../core/json.js';
import type { InputType } from '../../core/runbook.js';

function read(inputs: Record<string, InputType>, raw: Record<string, Json>) {
  return readInputs({ name: 'host-compromise', inputs }, raw);
}

const instances: InputType = { type: 'list', of: 'aws-instance', max: 3 };

test.each<[string, InputType, Json, Json]>([
  ['a list as typed', instances, ' i-1, i-2,\ni-3 ', ['i-1', 'i-2', 'i-3']],
  ['a list with spaces', instances, 'i-1 i-2', ['i-1', 'i-2']],
  ['a list as JSON', instances, [' i-1', 'i-2 '], ['i-1', 'i-2']],
  ['one value for a list', instances, 'i-1', ['i-1']],
  ['one number for a list', { type: 'list', of: 'number' }, 5, [5]],
  ['a list with the same host again, which is one host', { ...instances, max: 2 }, 'i-2,i-1,i-2,i-1', ['i-2', 'i-1']],
  ['texts with spaces in a list', { type: 'list', of: 'string' }, 'a b, c', ['a b', 'c']],
  ['numbers in a list', { type: 'list', of: 'number' }, '1, 2.5', [1, 2.5]],
  ['an empty list that may be', { type: 'list', of: 'string', min: 0 }, [], []],
  ['a text', { type: 'string', min: 3 }, '  strange logins ', 'strange logins'],
  ['a text of characters that take two units', { type: 'string', max: 2 }, '😀😀', '😀😀'],
  ['a number as typed', { type: 'number', min: 1, max: 8 }, ' 8 ', 8],
  ['a negative number', { type: 'number' }, '-2.5', -2.5],
  ['a number as JSON', { type: 'number' }, 8, 8],
  ['zero with a sign', { type: 'number' }, '-0', 0],
  ['yes', { type: 'boolean' }, 'Yes', true],
  ['false as JSON', { type: 'boolean' }, false, false],
  ['a choice', { type: 'choice', choices: ['fast', 'careful'] }, ' fast ', 'fast'],
  ['a run', { type: 'run' }, 'run-4k7mq2x9ab', 'run-4k7mq2x9ab'],
  ['an incident', { type: 'incident' }, 'inc-0123456789', 'inc-0123456789'],
])('%s is read', (_, type, given, value) => {
  expect(read({ x: type }, { x: given })).toEqual({ x: value });
});

test('a default is used where nothing was given, and what may be left out is left out', () => {
  const inputs: Record<string, InputType> = {
    size: { type: 'number', default: 2 },
    ticket: { type: 'string', optional: true },
  };
  expect(read(inputs, {})).toEqual({ size: 2 });
  expect(read(inputs, { size: ' ', ticket: null })).toEqual({ size: 2 });
});

test.each<[string, InputType, Json, string]>([
  [
    'an id that is none',
    instances,
    'i-1,web-1',
    'an entry of input "x" must be an id such as i-0ab1c2d3e4f5a6b7c, not "web-1"',
  ],
  [
    'an id with a command in it',
    instances,
    ['i-1;reboot'],
    'an entry of input "x" must be an id such as i-0ab1c2d3e4f5a6b7c, not "i-1;reboot"',
  ],
  [
    'an id with a line after it',
    { type: 'aws-instance' },
    'i-1\ni-2',
    'input "x" must be an id such as i-0ab1c2d3e4f5a6b7c, not "i-1\\ni-2"',
  ],
  ['too many hosts', instances, 'i-1,i-2,i-3,i-4', 'input "x" must have at most 3 entries, not 4'],
  ['an empty list, of which every rule would be true', instances, [], 'input "x" must have at least 1 entries, not 0'],
  ['a list of nothing but commas', instances, ',,', 'input "x" must have at least 1 entries, not 0'],
  [
    'a list in a list',
    instances,
    [['i-1']],
    'an entry of input "x" must be an id such as i-0ab1c2d3e4f5a6b7c, not ["i-1"]',
  ],
  [
    'a text that is too short',
    { type: 'string', min: 10 },
    'because',
    'input "x" must have at least 10 characters, not 7',
  ],
  [
    'a text that is too long for a card',
    { type: 'string' },
    'x'.repeat(10_001),
    'input "x" must have at most 10000 characters, not 10001',
  ],
  ['a number where a text belongs', { type: 'string' }, 5, 'input "x" must be a text, not 5'],
  ['a text where a number belongs', { type: 'number' }, '5 hosts', 'input "x" must be a number, not "5 hosts"'],
  ['a number in another base', { type: 'number' }, '0x10', 'input "x" must be a number, not "0x10"'],
  [
    'a number that is not counted exactly',
    { type: 'number' },
    '99999999999999999999',
    'input "x" must be a number, not "99999999999999999999"',
  ],
  ['a number above the greatest', { type: 'number', max: 8 }, '9', 'input "x" must be at most 8, not 9'],
  ['a word that is neither yes nor no', { type: 'boolean' }, 'maybe', 'input "x" must be true or false, not "maybe"'],
  [
    'a misspelt choice',
    { type: 'choice', choices: ['fast', 'careful'] },
    'fsat',
    'input "x" must be one of fast, careful, not "fsat"; did you mean "fast"?',
  ],
  [
    'a run with letters that look alike',
    { type: 'run' },
    'run-4k7mq2x9al',
    'input "x" must be an id such as run-4k7mq2x9ab, not "run-4k7mq2x9al"',
  ],
  ['an object', { type: 'string' }, { a: 'b'.repeat(100) }, `input "x" must be a text, not {"a":"${'b'.repeat(51)}...`],
])('%s is refused', (_, type, given, message) => {
  expect(() => read({ x: type }, { x: given })).toThrowError(
    expect.objectContaining({ code: 'inputs.invalid', message: `Cannot launch host-compromise: ${message}.` }),
  );
});

test('everything that is wrong is said at once, with the nearest name of what is unknown', () => {
  const inputs: Record<string, InputType> = {
    instances,
    reason: { type: 'string', min: 10 },
    size: { type: 'number' },
  };
  expect(() => read(inputs, { instance: 'i-1', reason: 'short', __proto__: null, size: 'x' })).toThrowError(
    expect.objectContaining({
      code: 'inputs.invalid',
      message:
        'Cannot launch host-compromise: unknown input "instance"; did you mean "instances"?; input "instances" is missing; ' +
        'input "reason" must have at least 10 characters, not 5; input "size" must be a number, not "x".',
      nextStep: 'Correct the inputs and launch again. Use one of: instances, reason, size.',
    }),
  );
});

test('a name that every object inherits is no input', () => {
  expect(() => read({}, JSON.parse('{"__proto__": 1, "constructor": 2}') as Record<string, Json>)).toThrowError(
    /unknown input "__proto__"; unknown input "constructor"/,
  );
  expect(() => read({ x: { type: 'string' } }, {})).toThrowError(/input "x" is missing/);
});
