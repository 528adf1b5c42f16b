/** Verbs that start runs and steer them. */
import type { Command } from 'commander';
import type { ExchangeOptions } from './exchange.js';
import type { GateOptions } from './gate.js';
import { perform } from './perform.js';
import type { RunOptions } from './run.js';
import type { SpeakOptions } from './speak.js';
import type { SteerOptions } from './steer.js';
import { speakingVerb } from './verb.js';

export function declareVerbsForRuns(program: Command): void {
  declareLaunches(program);
  declareAnswers(program);
  declareSteering(program);
  declareExchanges(program);
}

function declareLaunches(program: Command): void {
  const launches = [
    ['run', 'launch', 'launch a runbook, and follow it until it ends or needs people'],
    ['plan', 'plan', 'work out what a runbook would change, and change nothing'],
  ] as const;
  for (const [name, said, summary] of launches) {
    speakingVerb(program, `${name} <runbook> [name=value...]`, summary, [
      `firebreak ${name} aws-host-compromise instances=i-0ab1c2d3e4f5a6b7c reason="beacon to 203.0.113.7"`,
      `firebreak ${name} aws-host-compromise --inputs hosts.yaml --incident inc-4k7mq2x9ab --detach --json`,
    ])
      .option('--inputs <file>', 'inputs from a YAML or JSON file')
      .option('--incident <id>', 'the incident it belongs to (default: a new one)')
      .option('--detach', 'do not follow')
      .action((runbook: string, words: string[], options: RunOptions) =>
        perform(options, async (call) => (await import('./run.js')).run(call, said, runbook, words)),
      );
  }
}

function declareAnswers(program: Command): void {
  const answers = [
    ['approve', 'agree to what a gate asks'],
    ['deny', 'refuse what a gate asks'],
    ['withdraw', 'take back what you said at a gate'],
  ] as const;
  for (const [name, summary] of answers) {
    speakingVerb(program, `${name} <run>`, summary, [
      `firebreak ${name} run-4k7mq2x9ab`,
      `firebreak ${name} run-4k7mq2x9ab --gate containment --reason "checked with the owner"`,
    ])
      .option('--gate <name>', 'which gate, where several ask')
      .action((run: string, options: GateOptions) =>
        perform(options, async (call) => (await import('./gate.js')).answerGate(call, name, run)),
      );
  }
}

function declareSteering(program: Command): void {
  const steering = [
    ['retry', 'try again what failed, or ask again'],
    ['cancel', 'stop a run; it lifts no containment, and asks once something was written'],
  ] as const;
  for (const [name, summary] of steering) {
    speakingVerb(program, `${name} <run>`, summary, [
      `firebreak ${name} run-4k7mq2x9ab`,
      `firebreak ${name} run-4k7mq2x9ab --reason "wrong host"`,
    ])
      .option('--step <id>', 'only this step')
      .action((run: string, options: SteerOptions) =>
        perform(options, async (call) => (await import('./steer.js')).steer(call, name, run)),
      );
  }
  speakingVerb(program, 'extend <run> <duration>', 'give a deadline more time', [
    'firebreak extend run-4k7mq2x9ab 2h',
    'firebreak extend run-4k7mq2x9ab 30m --step isolate',
  ])
    .option('--step <id>', 'only this step')
    .action((run: string, duration: string, options: SteerOptions) =>
      perform(options, async (call) => (await import('./steer.js')).extend(call, run, duration)),
    );
  speakingVerb(program, 'note <run> <text...>', 'put a remark on the record', [
    'firebreak note run-4k7mq2x9ab "owner informed by phone"',
    'firebreak note run-4k7mq2x9ab ticket OPS-42 --json',
  ]).action((run: string, text: string[], options: SpeakOptions) =>
    perform(options, async (call) => (await import('./steer.js')).note(call, run, text)),
  );
}

function declareExchanges(program: Command): void {
  speakingVerb(program, 'undo <run>', 'put back what a run changed; other people must agree', [
    'firebreak undo run-4k7mq2x9ab --reason "false alarm"',
    'firebreak undo run-4k7mq2x9ab --step isolate --reason "wrong host"',
  ])
    .option('--step <id>', 'only this step')
    .option('--detach', 'do not follow')
    .action((run: string, options: ExchangeOptions) =>
      perform(options, async (call) => (await import('./exchange.js')).undo(call, run)),
    );
  speakingVerb(program, 'release <run-or-incident>', 'lift what is held; other people must agree', [
    'firebreak release run-4k7mq2x9ab --reason "host rebuilt"',
    'firebreak release inc-4k7mq2x9ab --reason "incident over"',
  ])
    .option('--detach', 'do not follow')
    .action((of: string, options: ExchangeOptions) =>
      perform(options, async (call) => (await import('./exchange.js')).release(call, of)),
    );
}
