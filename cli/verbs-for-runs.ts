/** Verbs that start runs and steer them. */
import type { Command } from 'commander';
import type { ExchangeOptions } from './exchange.js';
import type { GateOptions } from './gate.js';
import { perform } from './perform.js';
import type { RunOptions } from './run.js';
import type { SpeakOptions } from './speak.js';
import type { RetryOptions } from './steer.js';
import type { TaskOptions } from './task.js';
import { signedVerb, speakingVerb } from './verb.js';

export function declareVerbsForRuns(program: Command): void {
  program.commandsGroup('Launch, decide, steer:');
  declareLaunches(program);
  declareContinuations(program);
  declareAnswers(program);
  declareTasks(program);
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
      .option('--again', 'although an equal run is open')
      .action((runbook: string, words: string[], options: RunOptions) =>
        perform(options, async (call) => (await import('./run.js')).run(call, said, runbook, words)),
      );
  }
}

/** Launches that go on from something: from what was done by hand, or from another run. */
function declareContinuations(program: Command): void {
  speakingVerb(
    program,
    'adopt <runbook> [name=value...]',
    'take over what was done by hand, so that it can be released',
    [
      'firebreak adopt aws-host-compromise instances=i-0ab1c2d3e4f5a6b7c --step isolate --was eni-0ab1c2d3=sg-0ab1c2d3',
      "firebreak adopt protect-hosts --inputs hosts.yaml --step protect --was 'i-0ab1c2d3e4f5a6b7c#termination-protection=false'",
    ],
  )
    .requiredOption('--step <id>', 'the step that would have done it')
    .requiredOption('--was <target=before...>', 'what was there before; a release puts it back')
    .option('--inputs <file>', 'inputs from a YAML or JSON file')
    .option('--incident <id>', 'the incident it belongs to (default: a new one)')
    .option('--detach', 'do not follow')
    .action((runbook: string, words: string[], options: RunOptions) =>
      perform(options, async (call) => (await import('./run.js')).adopt(call, runbook, words)),
    );
  speakingVerb(
    program,
    'amend <run> <name=value...>',
    'add targets to a run; only what is new is planned and asked for',
    [
      'firebreak amend run-4k7mq2x9ab instances=i-0123456789abcdef0',
      'firebreak amend run-4k7mq2x9ab instances=i-0123456789abcdef0 --reason "beacons, too" --detach',
    ],
  )
    .option('--inputs <file>', 'what is added, from a YAML or JSON file')
    .option('--detach', 'do not follow')
    .action((run: string, words: string[], options: RunOptions) =>
      perform(options, async (call) => (await import('./run.js')).amend(call, run, words)),
    );
}

function declareAnswers(program: Command): void {
  const answers = [
    ['approve', 'agree to what a gate asks', 'checked with the owner'],
    ['deny', 'refuse what a gate asks', 'this host is the honeypot'],
    ['withdraw', 'take back what you said at a gate', 'the owner says otherwise'],
  ] as const;
  for (const [name, summary, reason] of answers) {
    speakingVerb(program, `${name} <run>`, summary, [
      `firebreak ${name} run-4k7mq2x9ab`,
      `firebreak ${name} run-4k7mq2x9ab --gate containment --reason "${reason}"`,
    ])
      .option('--gate <name>', 'which gate, where several ask')
      .action((run: string, options: GateOptions) =>
        perform(options, async (call) => (await import('./gate.js')).answerGate(call, name, run)),
      );
  }
}

function declareTasks(program: Command): void {
  speakingVerb(program, 'confirm <run>', 'say that a step is done which people do by hand', [
    'firebreak confirm run-4k7mq2x9ab --reason "told the owner by phone at 03:10"',
    'firebreak confirm run-4k7mq2x9ab --step call-owner --reason "told the owner by phone at 03:10"',
  ])
    .option('--step <id>', 'which step, where several wait')
    .action((run: string, options: TaskOptions) =>
      perform(options, async (call) => (await import('./task.js')).confirmTask(call, run)),
    );
  speakingVerb(program, 'choose <run> <choice>', 'decide which way a run goes on', [
    'firebreak choose run-4k7mq2x9ab rebuild --reason "the image is clean"',
    'firebreak choose run-4k7mq2x9ab rebuild --step rebuild-or-clean',
  ])
    .option('--step <id>', 'which step, where several wait')
    .action((run: string, choice: string, options: TaskOptions) =>
      perform(options, async (call) => (await import('./task.js')).choose(call, run, choice)),
    );
}

function declareSteering(program: Command): void {
  speakingVerb(program, 'retry <run>', 'try again what failed, or ask again', [
    'firebreak retry run-4k7mq2x9ab',
    'firebreak retry run-4k7mq2x9ab --step isolate --reason "host is back"',
  ])
    .option('--step <id>', 'only this step')
    .action((run: string, options: RetryOptions) =>
      perform(options, async (call) => (await import('./steer.js')).retry(call, run)),
    );
  speakingVerb(program, 'pause <run> [duration]', 'begin nothing new for a while; more than 15m needs somebody else', [
    'firebreak pause run-4k7mq2x9ab',
    'firebreak pause run-4k7mq2x9ab 10m --reason "the owner calls back"',
  ]).action((run: string, duration: string | undefined, options: SpeakOptions) =>
    perform(options, async (call) => (await import('./steer.js')).pause(call, run, duration)),
  );
  speakingVerb(program, 'resume <run>', 'let a paused run go on', [
    'firebreak resume run-4k7mq2x9ab',
    'firebreak resume run-4k7mq2x9ab --reason "the owner agrees"',
  ]).action((run: string, options: SpeakOptions) =>
    perform(options, async (call) => (await import('./steer.js')).resume(call, run)),
  );
  speakingVerb(program, 'skip <run> <step>', 'leave out a step that has not ended; somebody else must agree', [
    'firebreak skip run-4k7mq2x9ab call-owner --reason "nobody answers the phone"',
  ]).action((run: string, step: string, options: SpeakOptions) =>
    perform(options, async (call) => (await import('./steer.js')).skip(call, run, step)),
  );
  speakingVerb(
    program,
    'cancel <run>',
    'stop a whole run; it lifts no containment, and others must agree once something was written',
    ['firebreak cancel run-4k7mq2x9ab', 'firebreak cancel run-4k7mq2x9ab --reason "wrong host"'],
  ).action((run: string, options: SpeakOptions) =>
    perform(options, async (call) => (await import('./steer.js')).cancel(call, run)),
  );
  speakingVerb(program, 'extend <run> <duration>', 'give every gate that asks, or the review, more time', [
    'firebreak extend run-4k7mq2x9ab 2h',
    'firebreak extend run-4k7mq2x9ab 30m --reason "owner is on the way"',
  ]).action((run: string, duration: string, options: SpeakOptions) =>
    perform(options, async (call) => (await import('./steer.js')).extend(call, run, duration)),
  );
  speakingVerb(program, 'hand-over <run> <person>', 'make somebody else its owner, who is paged from now on', [
    'firebreak hand-over run-4k7mq2x9ab carol --reason "end of my shift"',
  ]).action((run: string, person: string, options: SpeakOptions) =>
    perform(options, async (call) => (await import('./steer.js')).handOver(call, run, person)),
  );
  signedVerb(program, 'note <run> <text...>', 'put a remark on the record', [
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
