// Files of the greatest size, wrong throughout or only long: answered soon, however much there is to say.
import { expect, test } from 'vitest';
import { compileRunbook } from '../../compiler/compile.js';
import { compilePeople } from '../../compiler/people.js';
import type { Problem } from '../../compiler/problem.js';
import { problemsMax } from '../../compiler/problems-max.js';
import { sourceBytesMax } from '../../compiler/source.js';
import { catalog, peopleText } from './examples.js';

const { people } = compilePeople({ file: 'people.yaml', text: peopleText });

/**
 * In milliseconds of computing. What looks at each name for each other takes minutes here; that an answer takes less than a second is
 * measured by `npm run test:fuzz`, where nothing runs beside it.
 */
const answerMax = 10_000;

function many(count: number, one: (nth: number) => string, between = ''): string {
  return Array.from({ length: count }, (_, nth) => one(nth)).join(between);
}

function timed(text: string, compile: (text: string) => { problems: Problem[] }): { problems: Problem[]; ms: number } {
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(sourceBytesMax);
  const before = process.cpuUsage();
  const { problems } = compile(text);
  const { user, system } = process.cpuUsage(before);
  return { problems, ms: (user + system) / 1_000 };
}

const directory = 'apiVersion: firebreak/v1\nkind: People\n';
const directories: [string, string][] = [
  [
    'ten thousand members whom nobody knows',
    `principals:\n${many(8_000, (i) => `  p${i}: {}\n`)}groups:\n${many(11, (g) => `  g${g}: [${many(950, (i) => `q${i}-${g}`, ', ')}]\n`)}responders: [g1]\n`,
  ],
  [
    'thousands of groups that are not there',
    `principals: { a: {} }\ngroups:\n${many(8_000, (g) => `  g${g}: [a]\n`)}responders: [${many(8_000, (i) => `h${i}`, ', ')}]\n`,
  ],
  ['nothing but fields that are not there', many(19_000, (i) => `f${i}: 1\n`)],
  ['a quote in each line', many(60_000, () => '"\n')],
  ['the same key in each line', many(40_000, () => 'a: 1\n')],
];

test.each(directories)('people.yaml with %s', (_what, text) => {
  const { problems, ms } = timed(directory + text, (each) => compilePeople({ file: 'people.yaml', text: each }));
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.length).toBeLessThanOrEqual(problemsMax + 1);
  expect(ms).toBeLessThan(answerMax);
});

function runbook(steps: string): string {
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: long, version: 1, summary: A long one. }
gates: { containment: { need: 2, from: [security-oncall, platform-leads] } }
steps:
${steps}`;
}

const step = 'phase: contain, uses: aws.isolate-instance@1, gate: containment';
const ids = (prefix: string, count: number) => many(count, (i) => `${prefix}${i}`, ',');
const wrong: [string, string][] = [
  [
    'steps that all need steps that are not there',
    many(100, (i) => `  - { id: s${i}, ${step}, with: { instance: i-1 }, needs: [${ids('t', 190)}] }\n`),
  ],
  [
    'steps that all wait for one another',
    many(90, (i) => `  - { id: s${i}, ${step}, with: { instance: i-1 }, needs: [${ids('s', 90)}] }\n`),
  ],
  [
    'thousands of expressions in one line',
    `  - { id: s, ${step}, with: { instance: "${many(20_000, () => '${{ x }}')}" } }\n`,
  ],
  [
    'thousands of expressions over many lines',
    `  - id: s\n    uses: aws.isolate-instance@1\n    with:\n      instance: >\n${many(9_000, () => '        ${{ x\n        }}\n')}`,
  ],
];

test.each(wrong)('a runbook with %s', (_what, steps) => {
  const { problems, ms } = timed(runbook(steps), (text) => compileRunbook({ file: 'a.yaml', text, catalog, people }));
  expect(problems).toHaveLength(problemsMax + 1);
  expect(problems.map(({ code }) => code)).toContain('file.too-many-problems');
  expect(ms).toBeLessThan(answerMax);
});

test('a runbook over ten thousand hosts that are written out is good', () => {
  const text = runbook(
    `  - { id: s, ${step}, for_each: [${ids('i-', 10_000)}], with: { instance: "\${{ item }}" } }\n`,
  );
  const { problems, ms } = timed(text, (each) => compileRunbook({ file: 'a.yaml', text: each, catalog, people }));
  expect(problems).toEqual([]);
  expect(ms).toBeLessThan(answerMax);
});

test('what is too many is said where the look ended', () => {
  const text = directory + many(300, (i) => `field-${i}: 1\n`);
  const { problems } = compilePeople({ file: 'people.yaml', text });
  const last = problems.find(({ code }) => code === 'file.too-many-problems');
  expect(last).toMatchObject({ level: 'error', message: `there are more problems than these ${problemsMax}` });
  expect(last?.line).toBeGreaterThanOrEqual(problemsMax);
});
