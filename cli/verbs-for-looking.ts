/** Verbs that only look: through the gateway, or offline. */
import type { Command } from 'commander';
import type { ExplainOptions } from './explain.js';
import type { HookOptions } from './hook.js';
import { perform, type CommonOptions } from './perform.js';
import type { StatusOptions } from './status.js';
import type { ExportOptions, VerifyOptions } from './timeline.js';
import { group, verb } from './verb.js';

export function declareVerbsForLooking(program: Command): void {
  program.commandsGroup('Look:');
  declareRuns(program);
  declareTimeline(program);
  program.commandsGroup('Prepare (offline):');
  declareOffline(program);
}

function declareRuns(program: Command): void {
  verb(program, 'status [run]', 'show the runs, or where one stands', [
    'firebreak status',
    'firebreak status run-4k7mq2x9ab --changes',
  ])
    .option('--changes', 'with every change that is asked about')
    .action((run: string | undefined, options: StatusOptions) =>
      perform(options, async (call) => (await import('./status.js')).status(call, run)),
    );
  verb(program, 'brief <run-or-incident>', 'hand over in at most ten lines: done, in force, waited for, next, whose', [
    'firebreak brief run-4k7mq2x9ab',
    'firebreak brief inc-4k7mq2x9ab --json',
  ]).action((of: string, options: CommonOptions) =>
    perform(options, async (call) => (await import('./brief.js')).brief(call, of)),
  );
  verb(program, 'holds [run-or-incident]', 'list what is in force, and what is not known to be', [
    'firebreak holds',
    'firebreak holds inc-4k7mq2x9ab --json',
  ]).action((of: string | undefined, options: CommonOptions) =>
    perform(options, async (call) => (await import('./holds.js')).holds(call, of)),
  );
  verb(program, 'watch <run>', 'follow a run as it happens; Ctrl-C stops only the watching', [
    'firebreak watch run-4k7mq2x9ab',
  ]).action((run: string, options: CommonOptions) =>
    perform(options, async (call) => (await import('./watch.js')).watch(call, run)),
  );
  verb(program, 'doctor', 'check everything that Firebreak needs, and say how to mend it', [
    'firebreak doctor',
    'firebreak doctor --json',
  ]).action((options: CommonOptions) => perform(options, async (call) => (await import('./doctor.js')).doctor(call)));
}

function declareTimeline(program: Command): void {
  const timeline = group(program, 'timeline', 'export what happened, and verify an export', [
    'firebreak timeline export inc-4k7mq2x9ab --out case.jsonl',
    'firebreak timeline verify case.jsonl',
  ]);
  verb(timeline, 'export <incident>', 'write the record of an incident, signed, for others to verify', [
    'firebreak timeline export inc-4k7mq2x9ab --out case.jsonl',
    'firebreak timeline export inc-4k7mq2x9ab --format md',
  ])
    .option('--format <jsonl|md>', 'jsonl can be verified, md is for reading', 'jsonl')
    .option('--out <file>', 'where to (default: stdout)')
    .action((incident: string, options: ExportOptions) =>
      perform(options, async (call) => (await import('./timeline.js')).exportTimeline(call, incident)),
    );
  verb(timeline, 'verify <file>', 'check an export offline: nothing altered, left out, or said by somebody else', [
    'firebreak timeline verify case.jsonl',
    'firebreak timeline verify case.jsonl --keys people.yaml',
  ])
    .option('--keys <people.yaml>', 'the directory to check keys against (default: people.yaml of the workspace)')
    .action((file: string, options: VerifyOptions) =>
      perform(options, async (call) => (await import('./timeline.js')).verifyFile(call, file)),
    );
}

function declareOffline(program: Command): void {
  verb(program, 'validate [files...]', 'check runbooks, or the whole workspace, without running anything', [
    'firebreak validate',
    'firebreak validate runbooks/aws/aws-host-compromise.yaml --json',
  ]).action((files: string[], options: CommonOptions) =>
    perform(options, async (call) => (await import('./validate.js')).validate(call, files)),
  );
  verb(
    program,
    'explain [runbook] [name=value...]',
    'print a runbook as a checklist in plain words, or list what runbooks there are',
    [
      'firebreak explain',
      'firebreak explain aws-host-compromise',
      'firebreak explain runbooks/aws/aws-host-compromise.yaml',
      'firebreak explain aws-host-compromise --commands instances=i-0ab1c2d3e4f5a6b7c > by-hand.sh',
    ],
  )
    .option('--commands', 'as commands to type by hand, for when Firebreak itself is down')
    .action((runbook: string | undefined, words: string[], options: ExplainOptions) =>
      perform(options, async (call) => (await import('./explain.js')).explainRunbook(call, runbook, words)),
    );
  verb(program, 'inventory', 'list systems, targets with their owners, and what is never changed', [
    'firebreak inventory',
    'firebreak inventory --json',
  ]).action((options: CommonOptions) =>
    perform(options, async (call) => (await import('./inventory.js')).inventory(call)),
  );
  verb(
    program,
    'permissions [runbooks-or-units...]',
    'print the least IAM policy that runbooks or units need (default: all units)',
    [
      'firebreak permissions > policy.json',
      'firebreak permissions aws-host-compromise',
      'firebreak permissions aws.isolate-instance@1 aws.snapshot-instance@1 --json',
    ],
  ).action((names: string[], options: CommonOptions) =>
    perform(options, async (call) => (await import('./permissions.js')).permissions(call, names)),
  );
  declareHooks(program);
}

function declareHooks(program: Command): void {
  const hook = group(program, 'hook', 'try what services send to launch a runbook', [
    'firebreak hook test guardduty --body finding.json',
    'firebreak hook sign alerts --body alert.json',
  ]);
  const body = ['--body <file>', 'the JSON that the sender would send'] as const;
  verb(hook, 'test <hook>', 'show what a body would launch: inputs, id, whether `when` holds; sends nothing', [
    'firebreak hook test guardduty --body finding.json',
    'firebreak hook test guardduty --body finding.json --json',
  ])
    .requiredOption(...body)
    .action((name: string, options: HookOptions) =>
      perform(options, async (call) => (await import('./hook.js')).hookTest(call, name)),
    );
  verb(hook, 'sign <hook>', 'print the curl line of a request as the sender would make it; good for five minutes', [
    'firebreak hook sign alerts --body alert.json',
    'firebreak hook sign alerts --body alert.json | sh',
  ])
    .requiredOption(...body)
    .action((name: string, options: HookOptions) =>
      perform(options, async (call) => (await import('./hook.js')).hookSign(call, name)),
    );
}
