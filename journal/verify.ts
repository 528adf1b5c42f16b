/**
 * Verifies an exported timeline without Firebreak, without a network and without trust in whoever exported it:
 * lines, header, chain, signatures, statements, gates, trailer. The first problem names the first line that is wrong.
 */
import type { Event } from '../core/event.js';
import type { Digest, Iso } from '../core/json.js';
import { genesis, type Head, hashOf, headText } from './chain.js';
import { sha256 } from './digest.js';
import { isSignedBy } from './signer.js';
import {
  eventLineShape,
  headerHash,
  headerShape,
  type TimelineEvent,
  type TimelineHeader,
  type TimelineTrailer,
  trailerShape,
  trailerText,
} from './timeline.js';
import { type Agreement, hear, judgeAskings } from './verify/agreement.js';
import { type Anchors, anchorsFrom, type Given, journalKey, type KeysAnswer } from './verify/anchors.js';
import { type Line, linesOf, valueOf } from './verify/lines.js';

export interface Problem {
  /** From 1. */
  line: number;
  seq?: number;
  code: string;
  message: string;
}

export interface Verified {
  ok: boolean;
  chain: string;
  events: number;
  /** Statements that were proven again. */
  statements: number;
  keys: KeysAnswer;
  /** By line; the first `problemsMax` of them. */
  problems: Problem[];
}

/** Keys and people of the installation are the anchor of trust; what is not given is taken from the file, and said so. */
export type VerifyOptions = Given;

/** A file of garbage has a problem in each line; nobody reads more than this. */
const problemsMax = 100;

export function verifyTimeline(input: string | Uint8Array, options: VerifyOptions = {}): Verified {
  const bytes =
    typeof input === 'string' ? Buffer.from(input) : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  let reading = beginReading(bytes, options);
  // A text with half a character has no bytes, and would be read as one that has.
  if (typeof input === 'string' && bytes.toString() !== input)
    reading = wrong(reading, 1, 'line.not-utf8', 'The text is not Unicode.');
  for (const line of linesOf(bytes)) reading = readLine(reading, line);
  return endReading(reading);
}

/** How far a file was read. Never changed in place: reading can go on from any line with other bytes. */
export interface Reading {
  bytes: Buffer;
  given: Given;
  anchors: Anchors;
  chain: string;
  exportedAt: Iso;
  lines: number;
  head: Head;
  /** The last event under a writer's signature. */
  signed: number;
  events: number;
  statements: number;
  agreement: Agreement;
  /** Whether the trailer was read. */
  ended: boolean;
  problems: readonly Problem[];
}

export function beginReading(bytes: Buffer, given: Given): Reading {
  return {
    bytes,
    given,
    anchors: anchorsFrom(given),
    chain: '',
    exportedAt: '',
    lines: 0,
    head: genesis(''),
    signed: 0,
    events: 0,
    statements: 0,
    agreement: new Map(),
    ended: false,
    problems: [],
  };
}

export function readLine(before: Reading, line: Line): Reading {
  const reading = { ...before, lines: line.number };
  const read = valueOf(line);
  if ('code' in read) return wrong(reading, line.number, read.code, read.message);
  if (reading.ended) return wrong(reading, line.number, 'trailer.not-last', 'Something follows the trailer.');
  if (line.number === 1) return readHeader(reading, read.value);
  if (isObject(read.value) && read.value['type'] === 'trailer') return readTrailer(reading, line, read.value);
  return readEvent(reading, line.number, read.value);
}

export function endReading(reading: Reading): Verified {
  const missing: Problem[] = reading.ended
    ? []
    : [{ line: reading.lines + 1, code: 'trailer.missing', message: 'The timeline was cut: its trailer is missing.' }];
  const problems = [...reading.problems, ...missing, ...judgeAskings(reading.agreement)];
  return {
    ok: problems.length === 0,
    chain: reading.chain,
    events: reading.events,
    statements: reading.statements,
    keys: reading.anchors.keys,
    problems: problems.toSorted((a, b) => a.line - b.line).slice(0, problemsMax),
  };
}

function readHeader(reading: Reading, value: unknown): Reading {
  const read = headerShape.safeParse(value);
  if (!read.success)
    return wrong(reading, 1, 'header.malformed', `The first line is no header of a timeline: ${whyNot(read.error)}.`);
  const header = value as TimelineHeader;
  const { chain, exportedAt } = header;
  const anchors = anchorsFrom(reading.given, header.people);
  const next = { ...reading, chain, exportedAt, anchors, head: genesis(chain) };
  return headerHash(header) === header.hash
    ? next
    : wrong(next, 1, 'header.altered', 'The header was altered: its hash is another.');
}

function readEvent(reading: Reading, line: number, value: unknown): Reading {
  const read = eventLineShape.safeParse(value);
  if (!read.success)
    return wrong(
      reading,
      line,
      'event.malformed',
      `The line is neither an event nor the trailer: ${whyNot(read.error)}.`,
    );
  const { event, head: signature } = value as TimelineEvent;
  const { seq, hash } = event;
  const problem =
    chainProblem(reading, event) ?? (signature === undefined ? undefined : signatureProblem(reading, event, signature));
  const heard = hear(reading.agreement, event, line, reading.anchors.people);
  // What was wrong is named once: the next event is measured by what this one says of itself.
  const next: Reading = {
    ...reading,
    head: { seq, hash },
    signed: signature === undefined ? reading.signed : seq,
    events: reading.events + 1,
    statements: reading.statements + heard.proven,
    agreement: heard.agreement,
  };
  const found = problem === undefined ? heard.wrong : [{ line, seq, ...problem }, ...heard.wrong];
  return found.length === 0 ? next : { ...next, problems: grown(next.problems, found) };
}

type Found = { code: string; message: string } | undefined;

function chainProblem({ chain, head }: Reading, event: Event): Found {
  const { seq } = event;
  if (event.chain !== chain)
    return { code: 'event.other-chain', message: `Event ${seq} is of the chain "${event.chain}".` };
  if (seq !== head.seq + 1)
    return { code: 'event.gap', message: `Event ${head.seq + 1} is expected here, and this is event ${seq}.` };
  if (event.prev !== head.hash)
    return { code: 'event.prev-wrong', message: `Event ${seq} does not follow the one before it.` };
  if (hashOf(event) !== event.hash)
    return { code: 'event.altered', message: `Event ${seq} was altered: its hash is another.` };
  return undefined;
}

function signatureProblem(
  { anchors }: Reading,
  event: Event,
  { key, signature }: NonNullable<TimelineEvent['head']>,
): Found {
  const { seq, hash } = event;
  const known = journalKey(anchors.people, key, event.recordedAt);
  if (known === 'unknown')
    return {
      code: 'head.key-unknown',
      message: `Event ${seq} is signed by "${key}", which is no key of this journal.`,
    };
  if (known === 'revoked')
    return { code: 'head.key-revoked', message: `Event ${seq} is signed by "${key}" after that key was revoked.` };
  if (isSignedBy(known.publicKey, headText(event.chain, { seq, hash }), signature)) return undefined;
  return { code: 'head.signature-wrong', message: `The signature of "${key}" at event ${seq} is wrong.` };
}

function readTrailer(before: Reading, { number, start }: Line, value: unknown): Reading {
  const reading = { ...before, ended: true };
  const read = trailerShape.safeParse(value);
  if (!read.success)
    return wrong(reading, number, 'trailer.malformed', `The trailer is not whole: ${whyNot(read.error)}.`);
  const problem = trailerProblem(reading, value as TimelineTrailer, () => sha256(reading.bytes.subarray(0, start)));
  return problem === undefined ? reading : wrong(reading, number, problem.code, problem.message);
}

function trailerProblem(reading: Reading, trailer: TimelineTrailer, digest: () => Digest): Found {
  const { chain, head, signed, events, anchors, exportedAt } = reading;
  const known = journalKey(anchors.people, trailer.key, exportedAt);
  if (known === 'unknown')
    return {
      code: 'trailer.key-unknown',
      message: `The trailer is signed by "${trailer.key}", which is no key of this journal.`,
    };
  if (known === 'revoked')
    return {
      code: 'trailer.key-revoked',
      message: `The trailer is signed by "${trailer.key}" after that key was revoked.`,
    };
  if (!isSignedBy(known.publicKey, trailerText(trailer), trailer.signature)) {
    return {
      code: 'trailer.signature-wrong',
      message: `The trailer was altered: the signature of "${trailer.key}" is wrong.`,
    };
  }
  if (trailer.chain !== chain)
    return { code: 'trailer.other-chain', message: `The trailer is that of "${trailer.chain}".` };
  if (trailer.events !== events || trailer.head.seq !== head.seq || trailer.head.hash !== head.hash) {
    return {
      code: 'trailer.other-end',
      message: `${trailer.events} events up to event ${trailer.head.seq} were exported; here are ${events} up to ${head.seq}.`,
    };
  }
  if (signed !== head.seq || events === 0) {
    return { code: 'head.missing', message: `No writer signed the last event, ${head.seq}.` };
  }
  if (trailer.sha256 !== digest())
    return { code: 'trailer.other-bytes', message: 'The lines before the trailer are not those that were exported.' };
  return undefined;
}

function wrong(reading: Reading, line: number, code: string, message: string): Reading {
  return { ...reading, problems: grown(reading.problems, [{ line, code, message }]) };
}

function grown(problems: readonly Problem[], more: Problem[]): readonly Problem[] {
  return problems.length >= problemsMax ? problems : [...problems, ...more];
}

function whyNot({ issues }: { issues: { path: PropertyKey[]; message: string }[] }): string {
  const { path = [], message = 'unreadable' } = issues[0] ?? {};
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
