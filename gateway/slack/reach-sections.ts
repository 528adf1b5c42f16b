/** Every item that a card's plan reaches, as many as Slack takes; nobody agrees to a host that they were not shown. */
import type { KnownBlock, SectionBlock } from '@slack/web-api';
import { reachOf } from '../../core/reach.js';
import type { PlanAnswer } from '../api.js';
import { signedFor } from '../lines.js';
import { allChanges, section } from './cards.js';
import { code, prose } from './mrkdwn.js';

/** Characters of an item, of which ids of hosts need twenty; longer ones are cut, with their end marked. */
const itemMax = 120;
const whereMax = 120;
/** Slack takes 3,000 characters in a section; this leaves room for the line that counts what is not shown. */
const sectionMax = 2_850;
/** Slack takes about 13,200 characters in all blocks of a message; an answer to a command adds some of its own. */
const blocksMax = 11_000;
/** What a section needs beside its text. */
const aroundText = 120;

/**
 * As many as there is room for `beside` the other blocks of the card; the rest is counted, with the command that shows all.
 * Expanded, for what lies behind Slack's "see more" is not seen.
 */
export function reachSections(plan: PlanAnswer, run: string, beside: KnownBlock[]): SectionBlock[] {
  const items = reachOf(signedFor(plan)).flatMap(({ where, items: names }) => names.map((name) => ({ where, name })));
  const texts: string[] = [];
  let room = blocksMax - written(beside) - aroundText;
  let shown = 0;
  for (const { where, name } of items) {
    const item = code(name, itemMax);
    const labelled = `*On ${prose(where, whereMax)}:* ${item}`;
    const more = items[shown - 1]?.where === where ? `, ${item}` : `\n${labelled}`;
    const text = texts.at(-1);
    const fits = text !== undefined && text.length + more.length <= sectionMax;
    room -= fits ? written(more) : written(labelled) + aroundText;
    if (room < 0) break;
    if (fits) texts.splice(-1, 1, text + more);
    else texts.push(labelled);
    shown += 1;
  }
  if (shown < items.length) {
    const rest = `… and ${items.length - shown} more: ${allChanges(run)}`;
    texts.push([...texts.splice(-1), rest].join('\n'));
  }
  return texts.map((text) => ({ ...section([text]), expand: true }));
}

/** Characters on the wire. */
function written(value: unknown): number {
  return JSON.stringify(value).length;
}
