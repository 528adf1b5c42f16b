// Whatever is written into a file, the compiler answers with problems or with a runbook, and throws nothing.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileRunbook } from '../../compiler/compile.js';
import { compileInstallation } from '../../compiler/installation.js';
import { compilePeople } from '../../compiler/people.js';
import { isError, type Problem } from '../../compiler/problem.js';
import { canonical } from '../../core/canonical.js';
import { digestOf } from '../../journal/digest.js';
import { catalog, installationText, peopleText, runbookText } from './examples.js';

const good = compilePeople({ file: 'people.yaml', text: peopleText }).people;
if (good === undefined) throw new Error('The example of people.yaml is good.');
const people = good;

/** Words that mean something somewhere, and characters that mean something to YAML or CEL. */
const piece = fc.oneof(
  fc.constantFrom(
    ...runbookText.split(/\s+/),
    '${{',
    '}}',
    '${{ item }}',
    '${{ inputs.',
    'steps.',
    '[',
    ']',
    '{',
    '}',
    ':',
    '- ',
    '\n',
    '\n  ',
    '\t',
    '"',
    "'",
    '|',
    '>',
    '#',
    '&a',
    '*a',
    '!!',
    '---',
    '%',
    '\\',
    'null',
    '~',
    '.nan',
    '1e999',
    '__proto__',
    'constructor',
    '\u0000',
    '\uFEFF',
    '\uD800',
  ),
  fc.string({ maxLength: 4 }),
  fc.integer().map(String),
);

interface Slip {
  at: number;
  drop: number;
  put: string;
}

const slips = fc.array(fc.record({ at: fc.nat(3_000), drop: fc.oneof(fc.constant(0), fc.nat(40)), put: piece }), {
  minLength: 1,
  maxLength: 4,
});

function damage(text: string, all: Slip[]): string {
  return all.reduce((left, { at, drop, put }) => {
    const from = at % (left.length + 1);
    return left.slice(0, from) + put + left.slice(from + drop);
  }, text);
}

function wellFormed(problems: Problem[], text: string): void {
  const lines = text.split('\n');
  for (const { line, column, message, nextStep } of problems) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
    expect(message).not.toContain('undefined');
    expect(nextStep).toMatch(/\S/);
  }
}

test('a damaged runbook gives problems at places that exist, or a runbook', () => {
  let refused = 0;
  let compiled = 0;
  fc.assert(
    fc.property(slips, (all) => {
      const text = damage(runbookText, all);
      const { runbook, digest, problems } = compileRunbook({ file: 'a.yaml', text, catalog, people, systems: ['aws'] });
      wellFormed(problems, text);
      expect(runbook === undefined).toBe(problems.some(isError));
      // What cannot be compiled has no digest; what can is plain JSON, and its digest is over all of it.
      expect(digest).toBe(runbook === undefined ? undefined : digestOf(runbook));
      expect(runbook).toEqual(runbook === undefined ? undefined : JSON.parse(canonical(runbook)));
      refused += runbook === undefined ? 1 : 0;
      compiled += runbook === undefined ? 0 : 1;
    }),
    { numRuns: 600 },
  );
  // About one in fifty compiles all the same.
  expect(refused).toBeGreaterThan(0);
  expect(compiled).toBeGreaterThan(0);
});

test('damaged people and installation files give problems at places that exist, or their compiled form', () => {
  fc.assert(
    fc.property(slips, (all) => {
      const directory = damage(peopleText, all);
      const compiledPeople = compilePeople({ file: 'people.yaml', text: directory });
      wellFormed(compiledPeople.problems, directory);
      expect(compiledPeople.people === undefined).toBe(compiledPeople.problems.some(isError));
      const world = damage(installationText, all);
      const { installation, problems } = compileInstallation({ file: 'firebreak.yaml', text: world });
      wellFormed(problems, world);
      expect(installation === undefined).toBe(problems.some(isError));
    }),
    { numRuns: 300 },
  );
});

test('any text at all is answered', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const { runbook, problems } = compileRunbook({ file: 'a.yaml', text, catalog });
      wellFormed(problems, text);
      expect(runbook).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});
