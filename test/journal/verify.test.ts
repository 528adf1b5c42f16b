// An exported timeline, made by signing real statements, and everything that must not pass for one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonical } from '../../core/canonical.js';
import type { Event, EventDraft } from '../../core/event.js';
import type { Statement } from '../../core/statement.js';
import { hashOf, headText } from '../../journal/chain.js';
import { sha256 } from '../../journal/digest.js';
import { exportJsonl } from '../../journal/export.js';
import { statementDigest } from '../../journal/proof.js';
import {
  headerHash,
  type TimelineEvent,
  type TimelineHeader,
  trailerText,
  type TimelineTrailer,
} from '../../journal/timeline.js';
import { verifyTimeline } from '../../journal/verify.js';
import { assemble, type Cast, serviceKey } from './support/cast.js';
import { after, chain, exported, exportedAt, gateAbout, tellIncident } from './support/incident.js';

let cast: Cast;
let timeline = '';
beforeAll(async () => {
  cast = assemble();
  timeline = await exported(cast);
});
afterAll(() => cast.end());

const codesOf = (text: string): string[] =>
  verifyTimeline(text, { people: cast.people }).problems.map(({ code }) => code);

/** A journal whose writers lie: the story is changed before it is hashed and signed, so only people's proofs can tell. */
async function lied(change: (drafts: EventDraft[]) => EventDraft[]): Promise<string[]> {
  return codesOf(await exported(cast, change));
}

function where(drafts: EventDraft[], action: string, run = 'run-1', nth = 0): EventDraft {
  const found = drafts.filter((each) => each.action === action && each.run === run)[nth];
  if (found === undefined) throw new Error(`The story has no ${action}.`);
  return found;
}

const without = (drafts: EventDraft[], gone: EventDraft): EventDraft[] => drafts.filter((each) => each !== gone);
const changed = (drafts: EventDraft[], old: EventDraft, more: object): EventDraft[] =>
  drafts.map((each) => (each === old ? { ...each, ...more } : each));

describe('a true timeline', () => {
  test('verifies with the installation’s people, and says what it rests on', () => {
    const { events } = JSON.parse(timeline.trimEnd().split('\n').at(-1) ?? '') as TimelineTrailer;
    expect(events).toBeGreaterThanOrEqual(39);
    expect(verifyTimeline(timeline, { people: cast.people })).toEqual({
      ok: true,
      chain,
      events,
      statements: 10,
      keys: {
        pinned: true,
        says: 'keys: as given; people: as given',
        fingerprints: cast.people.keys.map(({ id, use, publicKey }) => ({
          id,
          use,
          fingerprint: sha256(Buffer.from(publicKey, 'base64')),
        })),
      },
      problems: [],
    });
  });

  test('verifies from bytes and alone, and then says that its keys are not pinned', () => {
    const alone = verifyTimeline(Buffer.from(timeline));
    expect(alone.ok).toBe(true);
    expect(alone.keys).toMatchObject({
      pinned: false,
      says: 'keys: from the file, not pinned; people: from the file, not pinned',
    });
    expect(verifyTimeline(timeline, { keys: cast.people.keys }).keys.says).toBe(
      'keys: as given; people: from the file, not pinned',
    );
  });

  test('gives away no more of the directory than its proofs need', () => {
    expect(timeline).not.toContain('example.org');
    expect(timeline).not.toContain('alice example');
    expect((JSON.parse(timeline.split('\n')[0] ?? '') as TimelineHeader).people.groups).toEqual({
      responders: ['alice', 'bob'],
      'security-oncall': ['alice', 'bob', 'carol', 'dave'],
    });
  });

  test('of people and keys revoked since still verifies, for they spoke in good standing', async () => {
    const later = '2026-03-02T00:00:00.000Z';
    const principals = Object.fromEntries(
      Object.entries(cast.people.principals).map(([id, each]) => [id, { ...each, revokedAt: later }]),
    );
    const keys = cast.people.keys.map((key) => ({ ...key, revokedAt: later }));
    expect(verifyTimeline(timeline, { people: { ...cast.people, principals, keys } }).problems).toEqual([]);
  });

  test('of people revoked before they spoke does not', () => {
    const bob = {
      ...cast.people.principals['bob'],
      id: 'bob',
      slack: [],
      ssh: cast.people.principals['bob']?.ssh ?? [],
      revokedAt: after(0),
    };
    const people = { ...cast.people, principals: { ...cast.people.principals, bob } };
    const codes = verifyTimeline(timeline, { people }).problems.map(({ code }) => code);
    expect(codes).toContain('person.revoked');
    expect(codes).toContain('gate.not-supported');
  });

  test('of which nothing is on record cannot be exported', async () => {
    const { store, end } = await tellIncident(cast);
    await expect(exportJsonl(store, 'inc-9', { people: cast.people, signer: cast.journal })).rejects.toMatchObject({
      code: 'export.nothing',
    });
    await end();
  });
});

describe('keys', () => {
  test('given by whoever verifies are the anchor: a file that brings its own is refused', async () => {
    const impostor = assemble();
    const forged = await exported(impostor);
    expect(verifyTimeline(forged).ok).toBe(true);
    const codes = verifyTimeline(forged, { people: cast.people }).problems.map(({ code }) => code);
    expect(codes).toContain('head.signature-wrong');
    expect(codes).toContain('proof.signature-wrong');
    impostor.end();
  });

  test('that were revoked before they signed sign nothing', () => {
    const keys = cast.people.keys.map((key) => (key.use === 'journal' ? { ...key, revokedAt: after(0) } : key));
    expect(codesOf(timeline)).toEqual([]);
    const codes = verifyTimeline(timeline, { people: { ...cast.people, keys } }).problems.map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(['head.key-revoked', 'trailer.key-revoked']));
  });

  test('of a gateway sign no journal', () => {
    const keys = cast.people.keys.map((key) => ({ ...key, use: 'gateway' as const }));
    expect(verifyTimeline(timeline, { keys }).problems[0]).toMatchObject({ code: 'head.key-unknown', line: 2 });
  });
});

describe('a journal whose writer lies cannot make people agree', () => {
  test('a gate that passed without one of its approvals is named', async () => {
    expect(await lied((drafts) => without(drafts, where(drafts, 'statement.counted')))).toEqual(['gate.not-supported']);
  });

  test('an approval that was attempted and refused does not count as one', async () => {
    const codes = await lied((drafts) => {
      const own = where(drafts, 'statement.attempted');
      const statement = own.statement as Statement;
      const data = {
        id: 'containment#1',
        gate: 'containment',
        round: 1,
        verb: 'approve',
        statement: statementDigest(statement),
      };
      return changed(drafts, where(drafts, 'statement.counted'), { actor: 'alice', statement, data });
    });
    expect(codes).toEqual(['gate.requester-excluded', 'gate.not-supported']);
  });

  test('words that nobody signed are not proven', async () => {
    const codes = await lied((drafts) => {
      const said = where(drafts, 'statement.counted');
      return changed(drafts, said, { statement: { ...said.statement, reason: 'never said' } });
    });
    expect(codes).toEqual(['proof.signature-wrong', 'gate.not-supported']);
  });

  test('a counted event cannot be in another name, of another run, or of another statement than it says', async () => {
    expect(await lied((drafts) => changed(drafts, where(drafts, 'statement.counted'), { actor: 'carol' }))).toEqual([
      'statement.other-event',
      'gate.not-supported',
    ]);
    const elsewhere = await lied((drafts) => {
      const other = where(drafts, 'statement.counted', 'run-2');
      return changed(drafts, where(drafts, 'statement.counted'), { statement: other.statement, actor: other.actor });
    });
    expect(elsewhere).toEqual(['statement.other-event', 'gate.not-supported']);
    const renamed = await lied((drafts) => {
      const said = where(drafts, 'statement.counted');
      return changed(drafts, said, { data: { ...said.data, statement: sha256('another') } });
    });
    expect(renamed).toEqual(['statement.other-digest', 'gate.not-supported']);
    expect(
      await lied((drafts) => changed(drafts, where(drafts, 'statement.counted'), { statement: undefined })),
    ).toContain('gate.not-supported');
  });

  test('one approval counted twice is one', async () => {
    const codes = await lied((drafts) => {
      const { actor, statement, data } = where(drafts, 'statement.counted', 'run-1', 1);
      return changed(drafts, where(drafts, 'statement.counted'), { actor, statement, data });
    });
    expect(codes).toEqual(['statement.replayed', 'gate.not-supported']);
  });

  test('a gate that asks about another plan than was approved does not pass', async () => {
    const codes = await lied((drafts) => {
      const asked = where(drafts, 'gate.asked');
      return changed(drafts, asked, {
        data: { ...asked.data, about: { ...gateAbout('run-1'), plan: sha256('another') } },
      });
    });
    expect(codes).toEqual(['about.other-effect', 'about.other-effect', 'gate.not-supported']);
  });

  test.each([
    [
      'asks for nobody',
      { spec: { need: 0, from: ['security-oncall'], withinMs: 1, personalKeys: 0, approvalValidMs: 1 } },
      'gate.below-least',
    ],
    ['lets its requester decide', { excluded: [] }, 'gate.requester-not-excluded'],
    ['is of another launch', { about: { ...gateAbout('run-1'), launch: sha256('x') } }, 'gate.other-launch'],
    ['says nothing that can be read', { spec: null, plans: 'none' }, 'event.malformed'],
  ])('a gate that %s is named', async (_what, data, code) => {
    const codes = await lied((drafts) => {
      const asked = where(drafts, 'gate.asked');
      return changed(drafts, asked, { data: { ...asked.data, ...data } });
    });
    expect(codes[0]).toBe(code);
    expect(codes).toContain('gate.never-asked');
  });

  test('a gate that was never asked cannot pass, nor one of a run that nobody launched', async () => {
    expect(new Set(await lied((drafts) => without(drafts, where(drafts, 'gate.asked'))))).toEqual(
      new Set(['gate.never-asked']),
    );
    expect((await lied((drafts) => without(drafts, where(drafts, 'run.launched'))))[0]).toBe('gate.run-unknown');
  });

  test('a launch is one by a responder, about this run', async () => {
    const said = {
      verb: 'launch' as const,
      about: { ...gateAbout('run-1'), kind: 'gate' as const },
      at: after(10),
      nonce: 'n',
    };
    const byDave = cast.bySlack({ ...said, by: 'dave' });
    expect(
      (await lied((drafts) => changed(drafts, where(drafts, 'run.launched'), { actor: 'dave', statement: byDave })))[0],
    ).toBe('person.not-a-responder');
    const other = cast.bySlack({ ...said, by: 'alice' });
    expect((await lied((drafts) => changed(drafts, where(drafts, 'run.launched'), { statement: other })))[0]).toBe(
      'run.other-launch',
    );
    expect(await lied((drafts) => [...drafts, { ...where(drafts, 'run.launched'), id: 'again' }])).toEqual([
      'run.launched-twice',
    ]);
  });

  test('a note that its author did not sign is named', async () => {
    const codes = await lied((drafts) => {
      const note = where(drafts, 'note');
      return changed(drafts, note, { statement: { ...note.statement, reason: 'all is well' } });
    });
    expect(codes).toEqual(['proof.signature-wrong']);
  });

  test('two answers of one moment may be journaled in either order, even after the passing', async () => {
    const codes = await lied((drafts) => {
      const late = where(drafts, 'statement.counted');
      const rest = without(drafts, late);
      rest.splice(rest.indexOf(where(rest, 'gate.passed')) + 1, 0, late);
      return rest;
    });
    expect(codes).toEqual([]);
  });

  test('an approval said after the passing does not support it', async () => {
    const codes = await lied((drafts) => changed(drafts, where(drafts, 'gate.passed'), { occurredAt: after(10 + 39) }));
    expect(codes).toEqual(['gate.not-supported']);
  });
});

/** Signed anew by a stranger who has the file but not the journal's key. */
function resigned(change: (lines: (TimelineHeader | TimelineEvent)[]) => (TimelineHeader | TimelineEvent)[]): string {
  const stranger = serviceKey('journal-1', 'journal');
  const lines = timeline
    .trimEnd()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as TimelineHeader | TimelineEvent);
  const body = change(lines)
    .map((line) => `${canonical(line)}\n`)
    .join('');
  const last = JSON.parse(body.trimEnd().split('\n').at(-1) ?? '') as TimelineEvent;
  const trailer = {
    type: 'trailer' as const,
    version: 1 as const,
    chain,
    events: body.split('\n').length - 2,
    head: { seq: last.event.seq, hash: last.event.hash },
    sha256: sha256(body),
    key: 'journal-1',
  };
  return `${body}${canonical({ ...trailer, signature: stranger.signer.sign(trailerText(trailer)) })}\n`;
}

describe('a file that is not what was exported', () => {
  test('names the first event that was rewritten, though the rest of the chain was made to fit', () => {
    const text = resigned((lines) => {
      let prev: Event['prev'] | undefined;
      return lines.map((line) => {
        if (!('event' in line)) return line;
        const before = prev ?? line.event.prev;
        const event = { ...line.event, prev: before, ...(line.event.seq === 5 ? { actor: 'nobody' } : {}) };
        prev = hashOf(event);
        return { ...line, event: { ...event, hash: prev } };
      });
    });
    const { problems } = verifyTimeline(text, { people: cast.people });
    const signedAt = (JSON.parse(timeline.split('\n')[5] ?? '') as TimelineEvent).head === undefined ? 7 : 6;
    expect(problems[0]).toMatchObject({ line: signedAt, code: 'head.signature-wrong' });
    expect(problems.at(-1)).toMatchObject({ code: 'trailer.signature-wrong' });
  });

  test('names a header whose keys were exchanged', () => {
    const text = resigned((lines) =>
      lines.map((line) => {
        if (!('people' in line)) return line;
        const header = { ...line, people: { ...line.people, keys: [] } };
        return { ...header, hash: headerHash(header) };
      }),
    );
    expect(verifyTimeline(text).problems[0]).toMatchObject({ line: 2, code: 'head.key-unknown' });
    expect(verifyTimeline(text, { people: cast.people }).problems).toMatchObject([{ code: 'trailer.signature-wrong' }]);
  });

  test('names an end that no writer signed', () => {
    const text = resigned((lines) =>
      lines.map((line, index) => (index === lines.length - 1 && 'event' in line ? { event: line.event } : line)),
    );
    expect(verifyTimeline(text, { people: cast.people }).ok).toBe(false);
  });

  test.each([
    ['nothing', '', 1, 'trailer.missing'],
    ['an empty line', '\n', 1, 'line.not-json'],
    ['something else', '{"a":1}\n', 1, 'header.malformed'],
    ['an array', '[]\n', 1, 'header.malformed'],
    ['null', 'null\n', 1, 'header.malformed'],
    ['no newline', '{}', 1, 'line.not-ended'],
    ['what is nested without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}\n`, 1, 'line.not-canonical'],
  ])('%s is no timeline, and that is an answer, not a crash', (_what, text, line, code) => {
    expect(verifyTimeline(text).problems[0]).toMatchObject({ line, code });
  });

  test('half a character is not taken for a whole one', () => {
    expect(verifyTimeline(`${timeline}\ud800`).ok).toBe(false);
    expect(verifyTimeline(timeline.replace('Isolate', 'Isol\ud800te')).ok).toBe(false);
  });

  test('something after the trailer, or a second trailer, is named', () => {
    const trailer = timeline.trimEnd().split('\n').at(-1) ?? '';
    const lines = timeline.trimEnd().split('\n').length;
    expect(verifyTimeline(`${timeline}${trailer}\n`).problems[0]).toMatchObject({
      line: lines + 1,
      code: 'trailer.not-last',
    });
    expect(verifyTimeline(`${timeline}\n`).problems[0]).toMatchObject({ line: lines + 1 });
  });

  test('two chains cannot be joined into one', async () => {
    const { store, end } = await tellIncident(cast);
    await store.append([
      { chain: 'inc-2', id: 'other', occurredAt: exportedAt, actor: 'alice', action: 'incident.opened' },
    ]);
    const other = await exportJsonl(store, 'inc-2', { people: cast.people, signer: cast.journal, exportedAt });
    await end();
    const mixed = [...timeline.split('\n').slice(0, 1), ...other.split('\n').slice(1)].join('\n');
    expect(verifyTimeline(mixed, { people: cast.people }).problems[0]).toMatchObject({
      line: 2,
      code: 'event.other-chain',
    });
    expect(headText('inc-1', { seq: 1, hash: sha256('x') })).not.toBe(headText('inc-2', { seq: 1, hash: sha256('x') }));
  });
});
