/** `run RUNBOOK`, `plan RUNBOOK`, `adopt RUNBOOK`, `amend RUN`: launch, then follow until it ends or somebody else has to do something. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Json } from '../core/json.js';
import type { Prepare } from '../gateway/api.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { openGateway } from './gateway-client.js';
import { fromWords, unreadable } from './input-words.js';
import type { Call } from './perform.js';
import { codeOf, speak, type SpeakOptions, tell } from './speak.js';
import { followAndTell, needsPeople } from './watch.js';

type LaunchAsk = Extract<Prepare, { verb: 'launch' | 'plan' }>;

export interface RunOptions extends SpeakOptions {
  inputs?: string;
  incident?: string;
  detach?: boolean;
  again?: boolean;
  step?: string;
  was?: string[];
}

export async function run(
  call: Call<RunOptions>,
  verb: 'launch' | 'plan',
  runbook: string,
  words: string[],
): Promise<ExitCode> {
  const { options } = call;
  const inputs = await inputsOf(call, words);
  const { incident } = options;
  return launch(call, {
    verb,
    runbook,
    inputs,
    ...(incident === undefined ? {} : { incident }),
    ...(options.again === true ? { again: true } : {}),
  });
}

/** `adopt RUNBOOK --step ID --was TARGET=BEFORE`: a launch that takes over what was done by hand. */
export async function adopt(call: Call<RunOptions>, runbook: string, words: string[]): Promise<ExitCode> {
  const { step = '', was = [], incident } = call.options;
  const told = Object.fromEntries(was.map(toldBefore));
  const inputs = await inputsOf(call, words);
  return launch(call, {
    verb: 'launch',
    runbook,
    inputs,
    adopt: { step, was: told },
    ...(incident === undefined ? {} : { incident }),
  });
}

/** `amend RUN NAME=VALUE...`: adds to the lists of a run; only what is new is planned and asked for. */
export async function amend(call: Call<RunOptions>, of: string, words: string[]): Promise<ExitCode> {
  const inputs = await inputsOf(call, words);
  const { view } = await openGateway().run(of);
  return launch(call, { verb: 'launch', runbook: view.runbook, inputs, incident: view.incident, amends: of });
}

/** A state is told as JSON, or as a word or a list with commas, which the unit reads. */
function toldBefore(word: string): [string, Json] {
  const [target, told] = Object.entries(fromWords([word]))[0] ?? [];
  if (target === undefined || typeof told !== 'string')
    throw unreadable(
      `"${word}" tells of no target`,
      'write it as TARGET=BEFORE, for instance eni-0ab1c2d3=sg-0ab1c2d3.',
    );
  try {
    return [target, JSON.parse(told) as Json];
  } catch {
    return [target, told];
  }
}

/** `words` are inputs as they are typed in Slack: `instances=i-1,i-2 reason="..."`. */
async function inputsOf({ options }: Call<RunOptions>, words: string[]): Promise<Record<string, Json>> {
  return { ...(await fromFile(options.inputs)), ...fromWords(words) };
}

async function launch(call: Call<RunOptions>, ask: LaunchAsk): Promise<ExitCode> {
  const { options, out } = call;
  const { verb, inputs } = ask;
  const typed = inputs['reason'];
  const reason = options.reason ?? (typeof typed === 'string' ? typed : undefined);
  const { said } = await speak(call, { ...ask, ...(reason === undefined ? {} : { reason }) });
  for (const line of tell(verb, said)) out.progress(line);
  if (options.detach === true || codeOf(said) !== exitCodes.done) {
    out.answer({ ...said, next: `firebreak watch ${said.run}` }, [`Next: firebreak watch ${said.run}`]);
    return codeOf(said);
  }
  return followAndTell(out, said.run, needsPeople);
}

async function fromFile(file: string | undefined): Promise<Record<string, Json>> {
  if (file === undefined) return {};
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(`${file} cannot be read: ${cause.message}`, 'name a YAML or JSON file with the inputs.');
  });
  const read = parsed(file, text);
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as Record<string, Json>;
  throw unreadable(`${file} holds no mapping of input names to values`, 'write one `name: value` for each input.');
}

function parsed(file: string, text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw unreadable(`${file} is no YAML: ${cause instanceof Error ? cause.message : String(cause)}`, 'mend it there.');
  }
}
