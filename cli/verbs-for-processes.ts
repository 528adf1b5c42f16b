/** Verbs that run processes on this machine. */
import type { Command } from 'commander';
import type { DemoOptions } from './demo.js';
import { perform, type CommonOptions } from './perform.js';
import { verb } from './verb.js';

export function declareVerbsForProcesses(program: Command): void {
  verb(program, 'up', 'run Firebreak for this workspace: Temporal, worker and gateway, each restarted when it dies', [
    'firebreak up',
    'firebreak up --workspace ./ops',
  ]).action((options: CommonOptions) => perform(options, async (call) => (await import('./up.js')).runUp(call)));
  verb(
    program,
    'keys',
    'make the keys of this workspace where they are missing, and pin their public halves in people.yaml',
    ['firebreak keys'],
  ).action((options: CommonOptions) => perform(options, async (call) => (await import('./keys.js')).keys(call)));
  verb(program, 'demo', 'show a whole incident on a local copy of the world', [
    'firebreak demo',
    'firebreak demo --out out/demo',
  ])
    .option('--out <dir>', 'a folder of its own, emptied first', 'out/demo')
    .action((options: DemoOptions) => perform(options, async (call) => (await import('./demo.js')).demo(call)));
  const sandbox = program.command('sandbox').description('a local copy of the world to try things on');
  verb(sandbox, 'up', 'start it in the background, in a folder that becomes a workspace (default: out/sandbox)', [
    'firebreak sandbox up',
    'firebreak sandbox up --workspace out/mine',
  ]).action((options: CommonOptions) =>
    perform(options, async (call) => (await import('./sandbox.js')).sandboxUp(call)),
  );
  verb(sandbox, 'down', 'stop it', ['firebreak sandbox down']).action((options: CommonOptions) =>
    perform(options, async (call) => (await import('./sandbox.js')).sandboxDown(call)),
  );
}
