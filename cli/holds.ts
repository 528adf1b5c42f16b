/** `holds [RUN|INCIDENT]`: what is in force, from the journal alone; what may or may not have happened says since when. */
import { targetKey } from '../core/change.js';
import { type Hold, standingOf } from '../core/hold.js';
import { itemName } from '../core/reach.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { openGateway } from './gateway-client.js';
import { short, withDifferences } from './lines.js';
import type { Call } from './perform.js';
import { table } from './table.js';

export async function holds({ out }: Call, of: string | undefined): Promise<ExitCode> {
  const found = await openGateway().holds(of);
  const none = of === undefined ? 'Nothing is held.' : `${of} holds nothing.`;
  out.answer({ holds: found }, found.length === 0 ? [none] : holdsTable(found));
  return exitCodes.done;
}

export function holdsTable(found: Hold[]): string[] {
  return table(['ITEM', 'TARGET', 'HELD', 'STATE', 'NOW', 'BEFORE', 'BY'], found.map(holdRow));
}

function holdRow(hold: Hold): string[] {
  const by = hold.holders.map(({ run, requester }) => `${run} (${requester})`).join(', ');
  const { is, since } = standingOf(hold);
  const before = withDifferences(short(hold.before), { after: hold.before, planned: hold.planned });
  const row = [targetKey(hold.target), hold.aspect, `${is} since ${since}`, short(hold.after), before, by];
  return [itemName(hold.item), ...row];
}
