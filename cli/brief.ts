/** `brief RUN|INCIDENT`: at most ten lines for whoever takes over; it only looks. */
import { briefOfIncident, briefOfRun } from './brief-lines.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { type Gateway, openGateway } from './gateway-client.js';
import { keptLaunch, keptLine, keptNext, keptState } from './kept.js';
import type { Call } from './perform.js';

export async function brief({ out }: Call, of: string): Promise<ExitCode> {
  const gateway = openGateway();
  const kept = await keptLaunch(gateway, of);
  if (kept !== undefined) {
    const lines = [keptLine(kept), `Next: ${keptNext}`];
    out.answer({ of, state: keptState, owners: [kept.by], next: keptNext, lines }, lines);
    return exitCodes.done;
  }
  const { lines, ...facts } = of.startsWith('inc-') ? await ofIncident(gateway, of) : await ofRun(gateway, of);
  out.answer({ ...facts, lines }, lines);
  return exitCodes.done;
}

async function ofRun(gateway: Gateway, run: string) {
  const { view, holds } = await gateway.run(run);
  return briefOfRun(view, holds, Date.now());
}

async function ofIncident(gateway: Gateway, incident: string) {
  const [all, holds] = await Promise.all([gateway.runs(), gateway.holds(incident)]);
  const runs = all.filter((view) => view.incident === incident);
  return briefOfIncident(incident, runs, holds, Date.now());
}
