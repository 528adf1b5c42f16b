import { expect, test } from 'vitest';
import { parseSource, sourceBytesMax } from '../../compiler/source.js';
import { brief, marked } from './examples.js';

function problems(text: string) {
  return parseSource('a.yaml', text).problems.map(brief);
}

test.each([
  ['a key that is written twice', 'a: 1\nb:\n  c: 1\n  ⟦c: 2\n', 'yaml.duplicate-key', '"c" is here twice'],
  [
    'an alias, which could unfold into something huge',
    'a: 1\nb: ⟦*a\n',
    'yaml.alias',
    '"*a" stands for something written elsewhere',
  ],
  ['an anchor', 'a: &x ⟦[1]\n', 'yaml.anchor', '"&x" names this value for use elsewhere'],
  ['a tag', 'a: !!binary ⟦aGk=\n', 'yaml.tag', 'this value has a tag (!)'],
  ['a second document', 'a: 1\n⟦---\nb: 2\n', 'yaml.second-document', 'a second document begins here'],
  ['a tab', 'a:\n⟦\tb: 1\n', 'yaml.tab', 'a tab is used to indent'],
  ['a key that is no text', '⟦1: a\n', 'yaml.key', 'a key must be text'],
  ['a key that means something to JavaScript', '⟦__proto__: a\n', 'yaml.key', '"__proto__" cannot be a key'],
  [
    'a number that a double cannot hold',
    'id: ⟦9007199254740993\n',
    'yaml.number',
    'this number cannot be held exactly',
  ],
  ['a number that JSON does not have', 'id: ⟦.inf\n', 'yaml.number', 'this number cannot be held exactly'],
  [
    'an older YAML in which "no" is false',
    '⟦%YAML 1.1\n---\na: no\n',
    'yaml.version',
    'this file asks for another version of YAML',
  ],
  ['an empty file', '⟦', 'yaml.empty', 'this file is empty'],
  ['a file of comments', '⟦# nothing\n', 'yaml.empty', 'this file is empty'],
  [
    'an expression that YAML takes apart',
    'with: { instance: ⟦${{ item }} }\n',
    'yaml.expression-needs-quotes',
    'YAML takes a part of this expression for its own',
  ],
  [
    'an expression with a colon',
    'a: 1\nif: ⟦${{ inputs.a == "x: y" }}\n',
    'yaml.expression-needs-quotes',
    'YAML takes a part of this expression for its own',
  ],
  ['a text without an end', 'a: "x⟦', 'yaml.syntax', 'this is not YAML: missing closing "quote'],
])('%s is reported where it stands', (_, example, code, message) => {
  const { text, line, column } = marked(example);
  expect(problems(text)).toEqual([{ line, column, code, message }]);
});

test('a byte order mark is reported and does not move the places of other problems', () => {
  expect(problems('\uFEFFa: 1\na: 2\n')).toEqual([
    {
      line: 1,
      column: 1,
      code: 'yaml.byte-order-mark',
      message: 'this file begins with a byte order mark, which cannot be seen',
    },
    { line: 2, column: 1, code: 'yaml.duplicate-key', message: '"a" is here twice' },
  ]);
});

test('a file above the limit is refused before it is parsed', () => {
  expect(problems(`a: ${'x'.repeat(sourceBytesMax)}`).map(({ code }) => code)).toEqual(['yaml.too-large']);
});

test.each([
  ['brackets', '['.repeat(20_000)],
  ['balanced brackets', '['.repeat(5_000) + ']'.repeat(5_000)],
  ['lists in lists', '- '.repeat(5_000)],
  ['fields in fields', Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['braces', '{a: '.repeat(5_000)],
])('%s nested so deep that they would end the process are one clean problem', (_, text) => {
  expect(problems(text).map(({ code }) => code)).toEqual(['yaml.too-deep']);
});

test.each([
  ['an AWS access key id', 'AKIA', 'IOSFODNN7EXAMPLE'],
  ['a Slack token', 'xoxb', '-123456789012-abcdefghijkl'],
  ['a Slack app token', 'xapp', '-1-A0123-4567890-abcdef'],
  ['a private key', '-----BEGIN OPENSSH', ' PRIVATE KEY-----'],
  ['a Slack webhook address', 'https://hooks.slack', '.com/services/T0/B0/xyz'],
  ['a GitHub token', 'ghp_', '0123456789abcdefghij0123456789abcdef'],
])('%s is reported where it begins, even in a comment, and never repeated', (kind, first, rest) => {
  const secret = first + rest;
  const { text, line, column } = marked(`a: 1\n# was ⟦${secret}\n`);
  const found = parseSource('a.yaml', text).problems;
  expect(found.map(brief)).toEqual([
    { line, column, code: 'secret.literal', message: `${kind} is written here in the clear` },
  ]);
  expect(JSON.stringify(found)).not.toContain(secret);
});

test('a place within quoted, escaped and folded text is the place in the file', () => {
  const text = "a: \"x\\ty $z\"\nb: |\n  one\n  two $z\nc: 'it''s $z'\n";
  const { source } = parseSource('a.yaml', text);
  const place = (key: string, offset: number) => {
    const { line, column } =
      source?.problem({ value: [key], offset }, { code: 'x', message: 'x', nextStep: 'x' }) ?? {};
    return [line, column];
  };
  expect(place('a', 'x\ty $z'.indexOf('$'))).toEqual([1, 10]);
  expect(place('b', 'one\ntwo $z'.indexOf('$'))).toEqual([4, 7]);
  expect(place('c', "it's $z".indexOf('$'))).toEqual([5, 11]);
});
