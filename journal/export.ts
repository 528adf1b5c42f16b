/** What leaves Firebreak: a chain as lines that anyone can verify without it, and as a report for people. */
import { canonical } from '../core/canonical.js';
import { FirebreakError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Iso, PrincipalId } from '../core/json.js';
import type { People, Principal } from '../core/people.js';
import { sha256 } from './digest.js';
import type { HeadSignature, Signer, Store } from './store.js';
import {
  headerHash,
  type TimelineEvent,
  type TimelineHeader,
  type TimelineTrailer,
  trailerText,
  timelineVersion,
} from './timeline.js';

export { exportMarkdown, gatherRecord } from './report/report.js';

export interface ExportOptions {
  people: People;
  /** Signs the trailer; one of the journal's keys. */
  signer: Signer;
  exportedAt?: Iso;
}

const redaction =
  'Secrets were replaced before anything was hashed. People appear by their ids, Slack ids and public keys; names and key comments are left out.';

/** One chain as canonical JSON lines: a header, each event in order with the signatures of its writers, a signed trailer. */
export async function exportJsonl(store: Store, chain: string, options: ExportOptions): Promise<string> {
  const events = await store.events({ chain });
  // Read after the events: an append is there with its signature or not at all.
  const signatures = new Map((await store.headSignatures(chain)).map((each) => [each.seq, each]));
  const last = events.at(-1);
  if (last === undefined) {
    throw new FirebreakError('export.nothing', `There is no event on the chain ${chain}.`, {
      nextStep: 'look for the incident with `firebreak status`.',
      target: chain,
    });
  }
  const header = headerOf(chain, events, options);
  const body = [header, ...events.map((event) => lineOf(event, signatures.get(event.seq)))]
    .map((line) => `${canonical(line)}\n`)
    .join('');
  const trailer = {
    type: 'trailer' as const,
    version: timelineVersion as 1,
    chain,
    events: events.length,
    head: { seq: last.seq, hash: last.hash },
    sha256: sha256(body),
    key: options.signer.key,
  };
  const signed: TimelineTrailer = { ...trailer, signature: options.signer.sign(trailerText(trailer)) };
  return `${body}${canonical(signed)}\n`;
}

function headerOf(chain: string, events: Event[], { people, exportedAt }: ExportOptions): TimelineHeader {
  const header = {
    type: 'timeline' as const,
    version: timelineVersion as 1,
    chain,
    exportedAt: exportedAt ?? new Date().toISOString(),
    redaction,
    people: whoSpoke(people, events),
  };
  return { ...header, hash: headerHash(header) };
}

function lineOf(event: Event, signature: HeadSignature | undefined): TimelineEvent {
  return signature === undefined ? { event } : { event, head: { key: signature.key, signature: signature.signature } };
}

/** No more of the directory than this chain's proofs rest on. */
function whoSpoke(people: People, events: Event[]): People {
  const spoke = new Set<PrincipalId>(
    events.flatMap(({ actor, statement }) => (statement === undefined ? [actor] : [actor, statement.by])),
  );
  const principals = Object.entries(people.principals).filter(([id]) => spoke.has(id));
  const groups = Object.entries(people.groups).map(
    ([group, members]) => [group, members.filter((id) => spoke.has(id))] as const,
  );
  return {
    principals: Object.fromEntries(principals.map(([id, principal]) => [id, withoutNames(principal)])),
    groups: Object.fromEntries(groups.filter(([, members]) => members.length > 0)),
    responders: people.responders,
    keys: people.keys,
  };
}

function withoutNames({ id, slack, ssh, revokedAt }: Principal): Principal {
  const keys = ssh.map((line) =>
    line
      .trim()
      .split(/[ \t]+/)
      .slice(0, 2)
      .join(' '),
  );
  return { id, slack, ssh: keys, ...(revokedAt === undefined ? {} : { revokedAt }) };
}
