/** `up`: runs until told to stop. With `--json` the one document says that everything serves. */
import { readGatewayFile } from '../gateway/gateway-file.js';
import { up } from '../worker/up.js';
import { workspaceAt } from '../worker/workspace.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { toldToStop } from './told-to-stop.js';

export async function runUp({ out }: Call): Promise<ExitCode> {
  const workspace = workspaceAt();
  const told = toldToStop();
  const running = await up(workspace, {
    tell: (line) => out.progress(line),
    onState: (part, state, detail) => out.progress(`${part}: ${state}${detail === undefined ? '' : ` (${detail})`}`),
  });
  const { address } = running.temporal.connectionOptions;
  const url = readGatewayFile(workspace)?.url;
  out.answer({ workspace: workspace.root, temporal: address, gateway: url }, [
    `Firebreak runs for ${workspace.root}: gateway ${url}, Temporal ${address}.`,
    'Separation of duties is nominal here: all keys lie on this machine.',
    'Ctrl-C stops it; runs go on when it is started again.',
  ]);
  await told;
  out.progress('Stopping; what is under way goes on at the next start.');
  await running.stop();
  return exitCodes.done;
}
