/** The frame around every verb: the workspace it is about, where its words go, and how it ends. */
import { exitCodeOf, type ExitCode } from './exit-codes.js';
import { openOutput, type Output } from './output.js';

/** Options that every verb has. */
export interface CommonOptions {
  json?: boolean;
  workspace?: string;
}

export interface Call<O extends CommonOptions = CommonOptions> {
  options: O;
  out: Output;
}

/** Runs the verb and sets the exit code; never exits by force, so that what was written is written. */
export async function perform<O extends CommonOptions>(
  options: O,
  verb: (call: Call<O>) => Promise<ExitCode>,
): Promise<void> {
  const out = openOutput(options.json === true);
  if (options.workspace !== undefined) process.env['FIREBREAK_WORKSPACE'] = options.workspace;
  try {
    process.exitCode = await verb({ options, out });
  } catch (error) {
    out.error(error);
    process.exitCode = exitCodeOf(error);
  }
}
