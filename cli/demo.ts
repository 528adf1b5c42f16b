/** `demo`: a whole incident on a local copy of the world; the record of it stays in a folder. */
import { resolve } from 'node:path';
import { runDemo } from '../sandbox/demo.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Call, CommonOptions } from './perform.js';

export interface DemoOptions extends CommonOptions {
  out: string;
}

export async function demo({ out, options }: Call<DemoOptions>): Promise<ExitCode> {
  const shown = await runDemo({ out: resolve(options.out), tell: (line) => out.line(line) });
  out.answer(shown, [
    shown.ok ? 'The demo went as it should.' : 'The demo did not go as it should.',
    `What people saw in Slack: ${shown.files.slack}`,
    `The record: ${shown.files.markdown}, and to verify: ${shown.files.jsonl}`,
    `Next: firebreak timeline verify ${shown.files.jsonl}`,
  ]);
  return shown.ok ? exitCodes.done : exitCodes.failed;
}
