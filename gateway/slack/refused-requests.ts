/**
 * Requests to the Slack endpoint that are not acted on, on the record, with no more of them than who sent what kind of word about
 * what. One that Slack signed is there once, however often it comes, in the timeline of what it names. One that nobody signed
 * anybody can send as often as they like: those are counted, and at most once a minute their number is put on record.
 */
import type { FirebreakError } from '../../core/errors.js';
import { type EventDraft, installationChain } from '../../core/event.js';
import type { JsonObject } from '../../core/json.js';
import { digestOf } from '../../journal/digest.js';
import { openCountedRefusals } from '../counted-refusals.js';
import type { Log } from '../log.js';
import { approveAction, denyAction } from './ask-card.js';
import { readValue } from './clicks.js';
import { parseCommand } from './parse.js';
import type { Readable } from './readable.js';
import type { VerifiedRequest } from './request.js';
import type { SlackDoor } from './speak.js';

export interface RefusedRequests {
  /** Resolves when it is on record. */
  signed(request: VerifiedRequest, asked: Readable, why: FirebreakError): Promise<void>;
  unsigned(why: FirebreakError): void;
  /** Puts on record what was only counted yet. */
  end(): Promise<void>;
}

export interface RefusedRequestsDeps {
  door: Pick<SlackDoor, 'view' | 'store'>;
  log: Log;
  now: () => number;
  /** Between two events about unsigned requests, in milliseconds; a flood for a whole day makes 1,440. */
  everyMs?: number;
}

export function openRefusedRequests({ door, log, now, everyMs }: RefusedRequestsDeps): RefusedRequests {
  const unsigned = openCountedRefusals({
    store: door.store,
    log,
    now,
    name: 'slack',
    what: { one: 'request that Slack did not sign', many: 'requests that Slack did not sign' },
    ...(everyMs === undefined ? {} : { everyMs }),
  });

  const append = (draft: Pick<EventDraft, 'chain' | 'id' | 'run'>, data: JsonObject): Promise<unknown> =>
    door.store.append([
      { ...draft, occurredAt: new Date(now()).toISOString(), actor: 'gateway', action: 'statement.refused', data },
    ]);
  // It stays refused, whether or not it can be written down.
  const unrecorded = (error: unknown): void =>
    log.error({ error }, 'a refused Slack request could not be put on record');

  async function recordSigned(
    { signature, body }: VerifiedRequest,
    asked: Readable,
    why: FirebreakError,
  ): Promise<void> {
    const { code, message } = why;
    const { verb, names } = saidIn(asked);
    const place = await placeOf(door, names);
    const id = `slack-refused-${digestOf([signature, code, place]).slice('sha256:'.length)}`;
    const slack = { team: asked.team, user: asked.user };
    const data = { code, reason: message, statement: body, slack };
    await append({ ...place, id }, verb === undefined ? data : { verb, ...data });
  }

  return {
    signed: (request, asked, why) => recordSigned(request, asked, why).catch(unrecorded),
    unsigned: (why) => unsigned.count(why),
    end: () => unsigned.end(),
  };
}

/** The timeline of the run or the incident of that name, if the journal knows it. */
async function placeOf(
  { view, store }: RefusedRequestsDeps['door'],
  name: string | undefined,
): Promise<{ chain: string; run?: string }> {
  if (name === undefined) return { chain: installationChain };
  const run = (await view(name))?.view;
  if (run !== undefined) return { chain: run.incident, run: run.run };
  return { chain: (await store.head(name)) === undefined ? installationChain : name };
}

/** Only what has the form of a word to Firebreak; whatever else was typed may be anything, a password too. */
function saidIn({ text = '', button }: Readable): { verb?: string; names?: string } {
  try {
    if (button !== undefined) {
      const verb = { [approveAction]: 'approve', [denyAction]: 'deny' }[button.id];
      return { ...(verb === undefined ? {} : { verb }), names: readValue(button.value).run };
    }
    const said = parseCommand(text);
    const names = 'of' in said ? said.of : 'run' in said ? said.run : undefined;
    return { verb: said.verb === 'run' ? 'launch' : said.verb, ...(names === undefined ? {} : { names }) };
  } catch {
    return {};
  }
}
