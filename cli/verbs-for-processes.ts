/** Verbs for this machine: its workspace, its processes, its shell. */
import type { Command } from 'commander';
import type { CodecOptions } from './codec.js';
import type { DemoOptions } from './demo.js';
import type { InitOptions } from './init.js';
import { perform, type CommonOptions } from './perform.js';
import { group, verb } from './verb.js';

export function declareVerbsForProcesses(program: Command): void {
  program.commandsGroup('This machine:');
  verb(program, 'init [folder]', 'make a workspace: configuration, people, a first runbook, editor settings', [
    'firebreak init ops',
    'firebreak init ops --as alice --key ~/.ssh/id_ed25519 --region eu-west-1',
  ])
    .option('--as <principal>', 'your name in people.yaml (default: your login name)')
    .option('--key <file>', 'the SSH key that you will sign with (default: FIREBREAK_KEY, else ~/.ssh/id_ed25519)')
    .option('--region <region>', 'the AWS region (default: AWS_REGION, else left to fill in)')
    .action((folder: string | undefined, options: InitOptions) =>
      perform(options, async (call) => (await import('./init.js')).init(call, folder)),
    );
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
  verb(program, 'codec', "show Temporal's UI and command line what encrypted payloads say, while it runs", [
    'firebreak codec',
    'temporal workflow show -w run-4k7mq2x9ab --codec-endpoint http://127.0.0.1:8888    # meanwhile',
    'firebreak codec --origin http://localhost:8233',
    'firebreak codec --listen 0.0.0.0:8888 --token-file secrets/codec-token --origin https://temporal.example.com',
  ])
    .option('--listen <host:port>', 'where; others than this machine need a token', '127.0.0.1:8888')
    .option('--origin <origin>', 'the scheme, host and port of the UI whose pages may ask (default: none)')
    .option('--token-file <file>', 'a private file with the token that every request must carry')
    .option('--encode', 'encrypt as well, what people type into the UI')
    .action((options: CodecOptions) => perform(options, async (call) => (await import('./codec.js')).codec(call)));
  verb(program, 'demo', 'show a whole incident on a local copy of the world', [
    'firebreak demo',
    'firebreak demo --out out/demo',
  ])
    .option('--out <dir>', 'a folder of its own; an earlier demo in it is replaced', 'out/demo')
    .action((options: DemoOptions) => perform(options, async (call) => (await import('./demo.js')).demo(call)));
  declareWorker(program);
  const sandbox = group(program, 'sandbox', 'a local copy of the world to try things on', [
    'firebreak sandbox up',
    'firebreak sandbox down',
  ]);
  const folder = 'FIREBREAK_WORKSPACE, else out/sandbox';
  verb(
    sandbox,
    'up',
    'start it in the background, in a folder that becomes a workspace',
    ['firebreak sandbox up', 'firebreak sandbox up --workspace out/mine'],
    folder,
  ).action((options: CommonOptions) =>
    perform(options, async (call) => (await import('./sandbox.js')).sandboxUp(call)),
  );
  verb(sandbox, 'down', 'stop it', ['firebreak sandbox down'], folder).action((options: CommonOptions) =>
    perform(options, async (call) => (await import('./sandbox.js')).sandboxDown(call)),
  );
  declareCompletion(program);
}

function declareWorker(program: Command): void {
  const worker = group(program, 'worker', 'several releases at once, where firebreak.yaml names a deployment', [
    'firebreak worker run',
    'firebreak worker promote',
  ]);
  verb(worker, 'run', 'run the worker of this release alone, beside those of others', [
    'firebreak worker run --workspace /etc/firebreak',
  ]).action((options: CommonOptions) =>
    perform(options, async (call) => (await import('./worker.js')).workerRun(call)),
  );
  verb(worker, 'promote [version]', 'let new runs begin with this release; those under way stay with theirs', [
    'firebreak worker promote    # once `firebreak doctor` shows its workers',
    'firebreak worker promote 0.1.0-1a2b3c4d5e6f    # back to another',
  ]).action((version: string | undefined, options: CommonOptions) =>
    perform(options, async (call) => (await import('./worker.js')).workerPromote(call, version)),
  );
}

function declareCompletion(program: Command): void {
  verb(program, 'completion <shell>', 'print a script that completes verbs, options and names: bash, zsh or fish', [
    'firebreak completion fish > ~/.config/fish/completions/firebreak.fish',
    'eval "$(firebreak completion bash)"    # in ~/.bashrc; zsh alike',
  ]).action((shell: string, options: CommonOptions) =>
    perform(options, async (call) => (await import('./completion.js')).completion(call, shell)),
  );
  // What those scripts ask, between two keystrokes.
  program
    .command('__complete [words...]', { hidden: true })
    .helpOption(false)
    .action(async (words: string[]) => (await import('./complete.js')).complete(program, words));
}
