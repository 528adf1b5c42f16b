/** `run RUNBOOK` and `plan RUNBOOK`: launch, then follow until it ends or somebody else has to do something. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Json } from '../core/json.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { fromWords, unreadable } from './input-words.js';
import type { Call } from './perform.js';
import { codeOf, speak, type SpeakOptions, tell } from './speak.js';
import { followAndTell, needsPeople } from './watch.js';

export interface RunOptions extends SpeakOptions {
  inputs?: string;
  incident?: string;
  detach?: boolean;
  again?: boolean;
}

/** `words` are inputs as they are typed in Slack: `instances=i-1,i-2 reason="..."`. */
export async function run(
  call: Call<RunOptions>,
  verb: 'launch' | 'plan',
  runbook: string,
  words: string[],
): Promise<ExitCode> {
  const { options, out } = call;
  const { incident } = options;
  const inputs = { ...(await fromFile(options.inputs)), ...fromWords(words) };
  const typed = inputs['reason'];
  const reason = options.reason ?? (typeof typed === 'string' ? typed : undefined);
  const ask = {
    verb,
    runbook,
    inputs,
    ...(incident === undefined ? {} : { incident }),
    ...(reason === undefined ? {} : { reason }),
    ...(options.again === true ? { again: true } : {}),
  };
  const { said } = await speak(call, ask);
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
