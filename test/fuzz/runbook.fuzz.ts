// Whatever stands in a runbook's file: a runbook, or problems at places that exist, within a second.
import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { units } from '../../activities/index.js';
import { type Catalog, catalogOf } from '../../compiler/catalog.js';
import { compileRunbook } from '../../compiler/compile.js';
import { explainCommands } from '../../compiler/explain-commands.js';
import { explain } from '../../compiler/explain.js';
import { libraryOf } from '../../compiler/library.js';
import { compilePeople } from '../../compiler/people.js';
import { isError } from '../../compiler/problem.js';
import { canonical } from '../../core/canonical.js';
import { digestOf } from '../../journal/digest.js';
import { catalog as more, checksText, peopleText, runbookText } from '../compiler/examples.js';
import { expressions } from './support/expressions.js';
import { fuzz } from './support/fuzz.js';
import { placed } from './support/placed.js';
import { strangeValue } from './support/values.js';
import { yamlFiles } from './support/yaml-files.js';

const folder = new URL('../../runbooks/', import.meta.url);
const shipped = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => ({ file, text: readFileSync(new URL(file, folder), 'utf8') }));

/** What the shipped ones have no use for: steps of people, steps that are runbooks, ramps. */
const byPeople = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: by-people, version: 3, summary: "What people do, decide, and start elsewhere." }
inputs:
  users: { type: list, of: string, max: 50 }
  hosts: { type: list, of: aws-instance, max: 500, optional: true }
  how: { type: choice, choices: [rebuild, clean], default: rebuild }
  count: { type: number, min: 1, max: 9, default: 2 }
  reason: { type: string, min: 10 }
gates:
  containment: { need: 2, from: [security-oncall, platform-leads] }
  rebuilding: { need: 2, from: [security-oncall, platform-leads], personal_keys: 1 }
steps:
  - id: call-owner
    phase: investigate
    manual: { what: "Call the owner of \${{ inputs.users[0] }}.", who: [security-oncall], evidence: Whom you reached., remind: 5m }
  - id: way
    phase: eradicate
    decide:
      what: Rebuilt or cleaned?
      who: [security-oncall, platform-leads]
      choices: { rebuild: From the image., clean: In place. }
  - id: users
    runbook: aws-credential-compromise
    with: { users: "\${{ inputs.users }}", reason: "\${{ inputs.reason }}" }
    gates: { containment: containment }
  - id: rebuild
    phase: recover
    if: \${{ steps.way.choice == "rebuild" && has(inputs.hosts) }}
    uses: aws.rebuild-instance@2
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}", image: golden, size: "\${{ inputs.count }}" }
    gate: rebuilding
    ramp: [1, 10%]
    tolerate: 2
    on_failure: ask
    retry: { attempts: 3, first_wait: 2s }
    timeout: 5m
`;

const bases = [...shipped.map(({ text }) => text), runbookText, checksText, byPeople];
const catalog: Catalog = new Map([...more, ...catalogOf(units)]);
const { people } = compilePeople({ file: 'people.yaml', text: peopleText });

const inExpressions = fc.oneof({ weight: 1, arbitrary: strangeValue }, { weight: 1, arbitrary: expressions });

function compile(text: string) {
  const library = libraryOf(shipped, { catalog });
  return compileRunbook({ file: 'a.yaml', text, catalog, people, systems: ['aws'], library });
}

test('the good ones are good', () => {
  for (const text of bases) expect(compile(text).problems.filter(isError)).toEqual([]);
});

test('a runbook', async () => {
  await fuzz({
    name: 'runbook YAML',
    of: yamlFiles(bases, inExpressions),
    reaches: ['compiled', 'yaml.syntax', 'yaml.too-deep', 'yaml.too-large', 'shape.unknown-field', 'expression.syntax'],
    run: (text) => {
      const { runbook, digest, problems } = compile(text);
      const first = placed(problems, text);
      if (runbook === undefined) return first ?? 'nothing';
      expect(first).toBeUndefined();
      expect(digest).toBe(digestOf(runbook));
      // What compiled can be read by people, and is plain JSON.
      expect(runbook).toEqual(JSON.parse(canonical(runbook)));
      expect(explain(runbook, catalog)).toContain(runbook.summary);
      expect(explainCommands(runbook, catalog, { systems: {}, inputs: {} })).toContain(runbook.name);
      return 'compiled';
    },
  });
});
