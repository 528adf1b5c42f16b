/** `holds [RUN|INCIDENT]`: what is in force, from the journal alone; what may or may not have happened says since when. */
import { targetKey } from '../core/change.js';
import { type ShownHold, standingOf } from '../core/hold.js';
import { itemName } from '../core/reach.js';
import type { RunView } from '../core/run-view.js';
import { saysStanding } from '../core/settle-limit.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { openGateway } from './gateway-client.js';
import { short, withDifferences } from './lines.js';
import type { Call } from './perform.js';
import { table } from './table.js';

export async function holds({ out }: Call, of: string | undefined): Promise<ExitCode> {
  const gateway = openGateway();
  const found = await gateway.holds(of);
  const isChanged = found.some((hold) => standingOf(hold).is === 'not as held');
  // Until when something is not put back is told by the runs that watch it.
  const views = isChanged ? await gateway.runs() : [];
  const none = of === undefined ? 'Nothing is held.' : `${of} holds nothing.`;
  out.answer({ holds: found }, found.length === 0 ? [none] : holdsTable(found, views));
  return exitCodes.done;
}

export function holdsTable(found: ShownHold[], views: RunView[]): string[] {
  return table(
    ['ITEM', 'TARGET', 'HELD', 'STATE', 'NOW', 'BEFORE', 'BY'],
    found.map((hold) => holdRow(hold, views)),
  );
}

function holdRow(hold: ShownHold, views: RunView[]): string[] {
  const by = hold.holders.map(({ run, requester }) => `${run} (${requester})`).join(', ');
  const before = withDifferences(short(hold.before), { after: hold.before, planned: hold.planned });
  const state = saysStanding(hold, views, (at) => at);
  return [itemName(hold.item, hold.known), targetKey(hold.target), hold.aspect, state, short(hold.after), before, by];
}
