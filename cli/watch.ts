/**
 * `watch RUN`, and the following that `run` does: a picture that is redrawn, or lines as things happen where there is no terminal; and
 * what a person must do next.
 */
import type { RunView } from '../core/run-view.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { follow } from './follow.js';
import { openGateway } from './gateway-client.js';
import { keptLaunch, keptLine, keptState } from './kept.js';
import { canDraw, openScreen } from './live/screen.js';
import { nextStep } from './next-step.js';
import type { Output } from './output.js';
import type { Call } from './perform.js';
import { hasEnded } from './run-facts.js';

export async function watch({ out }: Call, run: string): Promise<ExitCode> {
  const gateway = openGateway();
  // Asked before it is followed: a gateway that is not there at all, or does not know the run, is said at once.
  const kept = await keptLaunch(gateway, run);
  if (kept === undefined) await gateway.run(run);
  else out.progress(keptLine(kept));
  if (!out.json && canDraw(process.stdout)) return followDrawn(out, run);
  return followAndTell(out, run, (view) => hasEnded(view), kept === undefined ? 'planning' : keptState);
}

/** One picture that is redrawn; the last one stays. */
async function followDrawn(out: Output, run: string): Promise<ExitCode> {
  const gateway = openGateway();
  const screen = openScreen(process.stdout);
  try {
    const { stopped } = await follow({
      gateway,
      run,
      out: { ...out, progress: () => undefined },
      enough: (view) => hasEnded(view),
      show: (event, view) => screen.event(event, view),
      showAway: () => screen.away(),
    });
    if (stopped) {
      screen.end();
      out.answer({ run }, [backLine(run)]);
      return exitCodes.done;
    }
    const { view, holds } = await gateway.run(run);
    screen.end(view, holds);
    return codeOf(view);
  } finally {
    screen.end();
  }
}

/** For `run` and `plan`: until it ends or somebody else has to do something. */
export function needsPeople(view: RunView): boolean {
  return hasEnded(view) || view.state === 'needs a person' || view.asks.some(({ state }) => state === 'asking');
}

/** `before`: what the run is until its first event says more. */
export async function followAndTell(
  out: Output,
  run: string,
  enough: (view: RunView) => boolean,
  before = 'planning',
): Promise<ExitCode> {
  const gateway = openGateway();
  const { events, view: seen, stopped } = await follow({ gateway, run, out, enough });
  if (stopped) {
    const next = `firebreak watch ${run}`;
    out.answer({ run, state: seen?.state ?? before, stopped, events, next }, [backLine(run)]);
    return exitCodes.done;
  }
  const { view, holds } = await gateway.run(run);
  const next = nextStep(view, holds);
  out.answer({ run, state: view.state, view, holds, events, next }, [`${run} is ${view.state}. Next: ${next}`]);
  return codeOf(view);
}

function backLine(run: string): string {
  return `Stopped watching; ${run} goes on. Come back with: firebreak watch ${run}`;
}

/** A run that asks is on its way; one that needs a person, failed or was refused is not. */
function codeOf({ state }: RunView): ExitCode {
  return state === 'failed' || state === 'cancelled' || state === 'refused' || state === 'needs a person'
    ? exitCodes.failed
    : exitCodes.done;
}
