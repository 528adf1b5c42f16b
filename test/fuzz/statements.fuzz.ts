// Whatever comes in the place of a statement, on the way that it takes to a gate: refused with a code wherever it is looked at,
// and never counted unless it is, to the letter, what somebody has signed.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { ApplicationFailure } from '@temporalio/common';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canonical } from '../../core/canonical.js';
import { type Ask, judge, judgeHandOver, judgeResponder } from '../../core/gate.js';
import { shortId } from '../../core/ids.js';
import type { Json } from '../../core/json.js';
import { type About, type GateAbout, signedPart, type Statement } from '../../core/statement.js';
import { judgeTask, type Task } from '../../core/task.js';
import { type Verb, verbs } from '../../core/verbs.js';
import { readSayRequest } from '../../gateway/read-statement.js';
import { deliveryIdOf, wordsIdOf } from '../../gateway/statement-ids.js';
import { attest, findFacts } from '../../journal/proof.js';
import { signerOf } from '../../journal/signer.js';
import { readStatement } from '../../journal/statement-shape.js';
import type { Signer } from '../../journal/store.js';
import { generateKeyPairSync } from 'node:crypto';
import type { People } from '../../core/people.js';
import { refuseMalformed } from '../../workflows/statements.js';
import { gate, type Ground, openGround } from '../gateway/support.js';
import { codeOf, fuzz } from './support/fuzz.js';
import { damagedValues, jsonTexts } from './support/json-texts.js';

const digest = `sha256:${'a'.repeat(64)}` as const;
const run = shortId('run', randomBytes(10));
const launch: About = {
  kind: 'launch',
  run,
  incident: shortId('inc', randomBytes(10)),
  runbook: digest,
  bundle: digest,
  inputs: digest,
  environment: 'test',
};
const asked: GateAbout = { kind: 'gate', run, launch: digest, gate: 'containment', round: 1, plan: digest };
const task: Task = {
  kind: 'decide',
  step: 'way',
  what: 'Which way?',
  who: ['security-oncall'],
  choices: { left: 'Left.' },
};
const said: [Verb, About, string?][] = [
  ['launch', launch, 'beacons to a known address'],
  ['approve', asked, 'looks right'],
  ['deny', asked, 'the wrong host'],
  ['withdraw', asked],
  ['hand-over', { kind: 'run', run, launch: digest, to: 'carol' }],
  ['choose', { kind: 'run', run, launch: digest, step: 'way', choice: 'left' }],
  ['pause', { kind: 'run', run, launch: digest, byMs: 60_000 }],
];

let ground: Ground;
let people: People;
let good: Statement[];
/** What was really said, by its words. */
let words: Set<string>;
let gateway: Signer;

beforeAll(async () => {
  ground = openGround();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  gateway = signerOf({ id: 'gateway-1', privateKey });
  const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const { alice, bob, carol, dave } = ground.people.principals;
  if (alice === undefined || bob === undefined || carol === undefined || dave === undefined)
    throw new Error('unreachable');
  people = {
    ...ground.people,
    principals: { alice, bob: { ...bob, slack: [{ team: 'T0FIRE', user: 'U0BOB' }] }, carol, dave },
    keys: [{ id: 'gateway-1', use: 'gateway', publicKey: spki }],
  };
  const now = new Date().toISOString();
  good = [];
  for (const [verb, about, reason] of said) {
    const prepared = { about, nonce: randomBytes(8).toString('hex') };
    const signed = await ground.sign('bob', { verb, ...(reason === undefined ? {} : { reason }) }, prepared);
    const { proof: _proof, ...rest } = signed;
    good.push(
      signed,
      attest(
        {
          ...rest,
          proof: {
            kind: 'slack',
            request: {
              team: 'T0FIRE',
              user: 'U0BOB',
              timestamp: Math.floor(Date.now() / 1000),
              body: digest,
              command: '/firebreak',
            },
            account: { deleted: false, bot: false, restricted: false, stranger: false, team: 'T0FIRE', askedAt: now },
          },
        },
        gateway,
      ),
    );
  }
  words = new Set(good.map((each) => canonical(signedPart(each))));
});

afterAll(async () => {
  await ground.store.end();
  rmSync(ground.folder, { recursive: true });
});

const ask: Ask = {
  id: 'containment#1',
  about: asked,
  allows: 'carry out',
  spec: gate,
  excluded: ['alice'],
  openedAt: new Date().toISOString(),
  deadline: new Date(Date.now() + 60 * 60_000).toISOString(),
  containing: true,
};

/** As the run does: the shape first, then who said it, then whether it counts. */
function hear(value: Json): string {
  const statement = value as unknown as Statement;
  try {
    refuseMalformed(statement);
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) throw error;
    expect(error).toMatchObject({ type: 'statement.malformed', nonRetryable: true });
    return 'statement.malformed';
  }
  const nowMs = Date.now();
  const facts = findFacts(statement, people);
  const rulings = [
    judge(ask, [], statement, facts, nowMs),
    judgeResponder(statement, facts, nowMs),
    judgeHandOver(statement, facts, nowMs),
    judgeTask(task, statement, facts, nowMs),
  ];
  if (rulings.some(({ counts }) => counts) && !words.has(canonical(signedPart(statement))))
    throw new Error('It counts, and nobody has said it.');
  const [first] = rulings;
  return first?.counts === true ? 'counts' : (first?.code ?? '');
}

test('a statement, in the run', async () => {
  await fuzz({
    name: 'statements in a run',
    of: damagedValues(good as unknown as Json[]),
    reaches: ['counts', 'statement.malformed', 'proof.signature-wrong', 'proof.missing', 'verb.not-for-gate'],
    run: (value) => {
      const read = readStatement(value);
      if (read.statement === undefined) expect(read.code).toMatch(/^[a-z]+\.[a-z-]+$/);
      else expect([deliveryIdOf(read.statement), wordsIdOf(read.statement)]).toHaveLength(2);
      return hear(value);
    },
  });
});

test('a statement, at the door', async () => {
  await fuzz({
    name: 'statements at the door',
    of: jsonTexts(good.map((statement) => ({ statement })) as unknown as Json[]),
    reaches: ['read', 'no JSON', 'statement.malformed'],
    run: (text) => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return 'no JSON';
      }
      return codeOf(() => {
        const { statement } = readSayRequest(value);
        // What is let in can be kept, named and delivered.
        expect(JSON.parse(canonical(statement))).toEqual(statement);
        expect(hear(statement as unknown as Json)).not.toBe('statement.malformed');
        return 'read';
      });
    },
  });
});

/** Mostly what is right, so that cases with one or two things wrong come about. */
function mostly<T>(right: T, ...others: fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4 * others.length, arbitrary: fc.constant(right) }, ...others);
}

const minuteMs = 60_000;
const moment = (nowMs: number, rightMs: number): fc.Arbitrary<string> =>
  mostly(
    rightMs,
    fc.integer({ min: -2 * 24 * 60, max: 2 * 24 * 60 }).map((minutes) => nowMs + minutes * minuteMs),
    fc.constantFrom(0, 8.64e15 - 1),
  ).map((ms) => new Date(ms).toISOString());
const flag = mostly(false, fc.constant(true));
const nowMs = Date.now();
const otherDigest = fc.constant(`sha256:${'b'.repeat(64)}` as const);

/** Of the right shape and truly attested by the gateway: only what is said, by whom, when and about what can be wrong. */
const spoken = fc.record({
  verb: mostly<Verb>('approve', fc.constantFrom('deny', 'withdraw', ...verbs)),
  about: mostly<About>(
    asked,
    fc.record({
      kind: fc.constant('gate' as const),
      run: mostly(run, fc.constant('run-0000000000')),
      launch: mostly(digest, otherDigest),
      gate: mostly('containment', fc.constantFrom('__proto__', 'another')),
      round: mostly(1, fc.integer({ min: 1 })),
      plan: mostly(digest, otherDigest),
    }),
    fc.constantFrom(...said.map(([, about]) => about)),
  ),
  by: mostly('bob', fc.constantFrom('alice', 'carol', 'dave', '__proto__', 'constructor', 'mallory')),
  at: moment(nowMs, nowMs - minuteMs),
  validUntil: moment(nowMs, nowMs + 50 * minuteMs),
  nonce: fc.constant('a nonce'),
  user: mostly('U0BOB', fc.constantFrom('U0ALICE', '__proto__', 'U0MALLORY')),
  team: mostly('T0FIRE', fc.constant('T0OTHER')),
  account: fc.record({ deleted: flag, bot: flag, restricted: flag, stranger: flag }),
  timestamp: mostly(Math.floor(nowMs / 1000), fc.nat(2 ** 32 - 1)),
});

test('a statement that the gateway attested', async () => {
  await fuzz({
    name: 'attested statements in a run',
    of: spoken,
    reaches: [
      'counts',
      'about.other-effect',
      'about.other-round',
      'gate.nothing-to-withdraw',
      'proof.identity-mismatch',
      'statement.expired',
      'verb.not-for-gate',
    ],
    run: ({ user, team, account, timestamp, ...rest }) => {
      const request = { team, user, timestamp, body: digest, command: '/firebreak' };
      const proof = { kind: 'slack' as const, request, account: { ...account, team, askedAt: rest.at } };
      const statement = attest({ version: 1, ...rest, proof }, gateway);
      const ruling = judge(ask, [], statement, findFacts(statement, people), Date.now());
      if (!ruling.counts) return ruling.code;
      // Whatever else is drawn: bob himself, with an account in order, answered exactly what is asked, and lately.
      expect([rest.by, user, team]).toEqual(['bob', 'U0BOB', 'T0FIRE']);
      expect(Object.values(account)).toEqual([false, false, false, false]);
      expect(rest.about).toEqual(asked);
      expect(Date.parse(rest.validUntil)).toBeGreaterThan(Date.now());
      expect(Math.abs(Date.now() - Date.parse(rest.at))).toBeLessThan(2 * 60 * minuteMs);
      return 'counts';
    },
  });
});
