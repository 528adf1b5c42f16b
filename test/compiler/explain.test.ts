import { expect, test } from 'vitest';
import { compileRunbook } from '../../compiler/compile.js';
import { explain } from '../../compiler/explain.js';
import { catalog, runbookText } from './examples.js';

function explained(text: string): string {
  const { runbook } = compileRunbook({ file: 'a.yaml', text, catalog });
  if (runbook === undefined) throw new Error('The example is good.');
  return explain(runbook, catalog);
}

test('the checklist says what is asked, done, agreed, what follows a failure and what stays in force', () => {
  expect(explained(runbookText)).toBe(`host-compromise, version 1
Isolate and rebuild hosts.

What it asks for at launch
  instances  a list of ids of EC2 instances (at most 500)
  image      a text (at least 3 characters, at most 40 characters)
  size       a number (at least 1, at most 8, default 2)
  speed      one of fast, careful
  ticket     a text (may be left out)
  reason     a text (at least 10 characters)

What is done, and when
  [ ] 1. collect (contain): Does aws.collect-instance@1.
         Unit aws.collect-instance@1, which only reads.
         Once for each of inputs.instances.
         With instance = item.
         Begins at once.
         Best effort: ends after 90s with what it has got, and nothing fails for it.
  [ ] 2. isolate (contain): Does aws.isolate-instance@1.
         Unit aws.isolate-instance@1, which disrupts what it touches.
         Once for each of inputs.instances.
         With instance = item.
         Begins at once.
         Changes nothing before gate "containment" has passed.
  [ ] 3. rebuild (recover): Does aws.rebuild-instance@2.
         Unit aws.rebuild-instance@2, which cannot be taken back.
         Once for each of inputs.instances.
         With instance = item, image = "\${{ inputs.image }}-v\${{ inputs.size }}", size = inputs.size, tags = [has(inputs.ticket) ? inputs.ticket : "none", "rebuilt"].
         Begins when isolate has ended.
         Only if inputs.speed != "fast" && steps.isolate.counts.failed == 0; otherwise it is skipped, on the record.
         Changes nothing before gate "rebuilding" has passed.

Who must agree
  Gate "containment", for isolate:
    2 other people from security-oncall or platform-leads; whoever launched it does not count. One denial stops it.
    They are reminded every 5m.
    After 10m without a decision security-leads is paged.
    After 15m it pages again and goes on asking; time never passes it.
    An approval is for exactly what was shown, and good for 1h.
  Gate "rebuilding", for rebuild:
    2 other people from security-oncall or platform-leads; whoever launched it does not count. One denial stops it.
    One of them must sign with a key of their own.
    After 15m without enough approvals it counts as denied, and nothing is done.
    An approval is for exactly what was shown, and good for 1h.

If a target fails
  collect and isolate: the other targets and the steps after it go on; the failure is shown and stays on the record.
  rebuild: the run ends as failed; the steps after it are skipped, on the record, and nothing waits for a person.
  Before that, a batch is attempted 5 times. Doing it again is safe: what is so already is left as it is.

What stays in force
  What isolate did stays when the run has ended. No failure, cancel or deadline lifts it.
  8h after isolate the owner is paged to review it.
  It is watched, and what an attacker turns back is done again.
  To lift it: firebreak release RUN. 2 other people must agree while the incident is open, 1 other person afterwards. What was there before is put back, but for what was changed since.
`);
});

test('a gate that is raised for its risk is explained as it will be asked', () => {
  const text = runbookText.replace(
    '{ need: 2, from: [security-oncall, platform-leads], personal_keys: 1 }',
    '{ need: 1, from: [security-oncall] }',
  );
  expect(explained(text)).toContain(
    '    2 other people from security-oncall; whoever launched it does not count. One denial stops it.\n    (The runbook asks for 1; the risk asks for 2.)\n    One of them must sign',
  );
});

test('a runbook that only reads says that nobody has to agree and nothing stays', () => {
  const text = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: look, version: 1, summary: Look at one host. }
steps:
  - id: collect
    phase: investigate
    uses: aws.collect-instance@1
    with: { instance: i-0ab1 }
`;
  const lines = explained(text).split('\n');
  expect(lines).toContain('It asks for nothing at launch.');
  expect(lines).toContain('Nobody has to agree: it changes nothing.');
  expect(lines).toContain('Nothing stays in force when the run has ended.');
  expect(lines).toContain('         With instance = "i-0ab1".');
});

test('where alone a runbook may be launched stands at the top', () => {
  const text = explained(runbookText.replace('metadata: {', 'metadata: { environments: [staging, test],'));
  expect(text.split('\n')[2]).toBe('It may be launched in staging and test alone.');
});
