/** What leaves Firebreak: a chain as lines that anyone can verify without it, and as a report for people. */
import { createHash } from 'node:crypto';
import { canonical } from '../core/canonical.js';
import { FirebreakError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Iso, PrincipalId } from '../core/json.js';
import type { People, Principal } from '../core/people.js';
import type { Head } from './chain.js';
import type { HeadSignature, Signer, Store } from './store.js';
import { headerHash, type TimelineHeader, type TimelineTrailer, trailerText, timelineVersion } from './timeline.js';

export { exportMarkdown, gatherRecord } from './report/report.js';

export interface ExportOptions {
  people: People;
  /** Signs the trailer; one of the journal's keys. */
  signer: Signer;
  exportedAt?: Iso;
}

const redaction =
  'Secrets were replaced before anything was hashed. People appear by their ids, Slack ids and public keys; names and key comments are left out.';

/** Lines read and written at once; a chain of thousands of targets is more than a process should hold. */
const linesAtOnce = 1_000;

/** One chain as canonical JSON lines: a header, each event in order with the signatures of its writers, a signed trailer. */
export async function exportJsonl(store: Store, chain: string, options: ExportOptions): Promise<string> {
  let text = '';
  for await (const part of await exportParts(store, chain, options)) text += part;
  return text;
}

/** The same in parts, for a chain of any length. What is appended while they are read is in the next export. */
export async function exportParts(store: Store, chain: string, options: ExportOptions): Promise<AsyncIterable<string>> {
  const { last, events, spoke } = await lookThrough(store, chain);
  if (last === undefined) {
    throw new FirebreakError('export.nothing', `There is no event on the chain ${chain}.`, {
      nextStep: 'look for the incident with `firebreak status`.',
      target: chain,
    });
  }
  const parts = lines(store, chain, last, headerOf(chain, spoke, options));
  return withTrailer(parts, { chain, events, head: last }, options.signer);
}

async function lookThrough(
  store: Store,
  chain: string,
): Promise<{ last: Head | undefined; events: number; spoke: Set<PrincipalId> }> {
  const spoke = new Set<PrincipalId>();
  let last: Head | undefined;
  let events = 0;
  for await (const page of pagesOf(store, chain)) {
    events += page.length;
    for (const { text } of page) {
      const { actor, statement, seq, hash } = JSON.parse(text) as Event;
      spoke.add(actor);
      if (statement !== undefined) spoke.add(statement.by);
      last = { seq, hash };
    }
  }
  return { last, events, spoke };
}

async function* pagesOf(store: Store, chain: string): AsyncGenerator<{ seq: number; text: string }[]> {
  for (let after = 0; ; ) {
    const page = await store.texts({ chain, after, limit: linesAtOnce });
    if (page.length > 0) yield page;
    after = page.at(-1)?.seq ?? after;
    if (page.length < linesAtOnce) return;
  }
}

/** Header and events. An event is written as it lies in the store: it is canonical already, and what is not shows to whoever verifies. */
async function* lines(store: Store, chain: string, last: Head, header: TimelineHeader): AsyncGenerator<string> {
  yield `${canonical(header)}\n`;
  const signatures = new Map((await store.headSignatures(chain)).map((each) => [each.seq, each]));
  for await (const page of pagesOf(store, chain)) {
    const mine = page.filter(({ seq }) => seq <= last.seq);
    if (mine.length > 0) yield mine.map(({ seq, text }) => lineOf(text, signatures.get(seq))).join('');
    if (mine.length < page.length) return;
  }
}

async function* withTrailer(
  parts: AsyncIterable<string>,
  end: Pick<TimelineTrailer, 'chain' | 'events' | 'head'>,
  signer: Signer,
): AsyncGenerator<string> {
  const digest = createHash('sha256');
  for await (const part of parts) {
    digest.update(part);
    yield part;
  }
  const trailer: Omit<TimelineTrailer, 'signature'> = {
    type: 'trailer',
    version: timelineVersion,
    ...end,
    sha256: `sha256:${digest.digest('hex')}`,
    key: signer.key,
  };
  const signed: TimelineTrailer = { ...trailer, signature: signer.sign(trailerText(trailer)) };
  yield `${canonical(signed)}\n`;
}

function headerOf(chain: string, spoke: Set<PrincipalId>, { people, exportedAt }: ExportOptions): TimelineHeader {
  const header = {
    type: 'timeline' as const,
    version: timelineVersion as 1,
    chain,
    exportedAt: exportedAt ?? new Date().toISOString(),
    redaction,
    people: whoSpoke(people, spoke),
  };
  return { ...header, hash: headerHash(header) };
}

function lineOf(event: string, signature: HeadSignature | undefined): string {
  if (signature === undefined) return `{"event":${event}}\n`;
  const head = canonical({ key: signature.key, signature: signature.signature });
  return `{"event":${event},"head":${head}}\n`;
}

/** No more of the directory than this chain's proofs rest on. */
function whoSpoke(people: People, spoke: ReadonlySet<PrincipalId>): People {
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

function withoutNames({ id, slack, ssh, service, revokedAt }: Principal): Principal {
  const keys = ssh.map((line) =>
    line
      .trim()
      .split(/[ \t]+/)
      .slice(0, 2)
      .join(' '),
  );
  return {
    id,
    slack,
    ssh: keys,
    ...(service === undefined ? {} : { service }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}
