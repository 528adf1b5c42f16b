// Who said it: each promise with its refusal. Signatures are real, of the gateway's key or of ssh-keygen.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonical } from '../../core/canonical.js';
import type { People } from '../../core/people.js';
import { signedPart, type SlackProof, type Statement } from '../../core/statement.js';
import { verbs } from '../../core/verbs.js';
import { attest, findFacts, statementDigest, type Unattested } from '../../journal/proof.js';
import { signWithSsh } from '../../journal/ssh-signature.js';
import { assemble, type Cast, type Said, serviceKey, slackWords, words } from './support/cast.js';
import { after, gateAbout } from './support/incident.js';

let cast: Cast;
let said: Said;
beforeAll(() => {
  cast = assemble();
  said = {
    verb: 'approve',
    about: gateAbout('run-1'),
    by: 'bob',
    at: after(30),
    nonce: 'n1',
    reason: 'seen in the logs',
  };
});
afterAll(() => cast.end());

/** A gateway that attests whatever it is told; what it was told is then to be refused. */
function attested(change: (proof: Unattested['proof']) => void): Statement {
  const proof = slackWords(said);
  change(proof);
  return attest({ ...words(said), proof }, cast.gateway);
}

function codeOf(statement: unknown, people: People = cast.people): string {
  const { proof } = findFacts(statement, people);
  return proof.good ? 'good' : proof.code;
}

describe('said in Slack', () => {
  test('an attested click is proven, though not with a key of the person', () => {
    const statement = cast.bySlack(said);
    expect(findFacts(statement, cast.people)).toEqual({
      principal: { id: 'bob', groups: ['responders', 'security-oncall'], responder: true },
      proof: { good: true, personalKey: false },
      digest: statementDigest(statement),
    });
  });

  test('nothing of what was said can be changed afterwards', () => {
    const good = cast.bySlack(said);
    const changed: Statement[] = [
      { ...good, verb: 'deny' },
      { ...good, about: { ...gateAbout('run-1'), round: 2 } },
      { ...good, validUntil: after(90_000) },
      { ...good, nonce: 'n2' },
      { ...good, reason: 'another' },
      {
        ...good,
        proof: { ...(good.proof as SlackProof), request: { ...(good.proof as SlackProof).request, action: 'deny' } },
      },
      {
        ...good,
        proof: { ...good.proof, signature: good.proof.signature.replace(/^./, (each) => (each === 'A' ? 'B' : 'A')) },
      },
      { ...good, proof: { ...good.proof, signature: `${good.proof.signature}=` } },
      { ...good, proof: { ...good.proof, signature: '' } },
    ];
    expect(changed.map((each) => codeOf(each))).toEqual(changed.map(() => 'proof.signature-wrong'));
  });

  test('the word of an unknown, a revoked or another service key counts for nothing', () => {
    const stranger = serviceKey('gateway-9', 'gateway');
    expect(codeOf(attest({ ...words(said), proof: slackWords(said) }, stranger.signer))).toBe('proof.key-unknown');
    expect(codeOf(attest({ ...words(said), proof: slackWords(said) }, cast.journal))).toBe('proof.key-unknown');
    const keys = cast.people.keys.map((key) => ({ ...key, revokedAt: after(0) }));
    expect(codeOf(cast.bySlack(said), { ...cast.people, keys })).toBe('proof.key-revoked');
    const twice = [...cast.people.keys, { ...stranger.service, id: 'gateway-1' }];
    expect(codeOf(cast.bySlack(said), { ...cast.people, keys: twice })).toBe('proof.key-unknown');
  });

  test.each(['deleted', 'bot', 'restricted', 'stranger'] as const)(
    'an account that Slack calls %s cannot speak',
    (flag) => {
      const statement = attested(({ account }) => {
        account[flag] = true;
      });
      expect(findFacts(statement, cast.people).proof).toMatchObject({
        good: false,
        code: 'proof.account-not-eligible',
      });
    },
  );

  test('an account of another workspace than the request cannot speak', () => {
    expect(codeOf(attested((proof) => Object.assign(proof.account, { team: 'T2' })))).toBe(
      'proof.account-not-eligible',
    );
  });

  test('a Slack account speaks for its own principal and for nobody else', () => {
    expect(codeOf(attested(({ request }) => Object.assign(request, { user: 'U-alice' })))).toBe(
      'proof.identity-mismatch',
    );
    expect(codeOf(attested(({ request }) => Object.assign(request, { user: 'U-nobody' })))).toBe(
      'proof.identity-mismatch',
    );
    const both = { ...cast.people.principals, eve: { id: 'eve', slack: [{ team: 'T1', user: 'U-bob' }], ssh: [] } };
    const facts = findFacts(cast.bySlack(said), { ...cast.people, principals: both });
    expect(facts).toMatchObject({ principal: undefined, proof: { good: false, code: 'proof.identity-mismatch' } });
  });

  test('a request, or what Slack said of the account, of another time than the statement does not carry it', () => {
    const atSeconds = Date.parse(said.at) / 1000;
    expect(codeOf(attested(({ request }) => Object.assign(request, { timestamp: atSeconds - 300 })))).toBe('good');
    expect(codeOf(attested(({ request }) => Object.assign(request, { timestamp: atSeconds - 301 })))).toBe(
      'proof.stale',
    );
    expect(codeOf(attested(({ request }) => Object.assign(request, { timestamp: atSeconds + 301 })))).toBe(
      'proof.stale',
    );
    expect(codeOf(attested(({ account }) => Object.assign(account, { askedAt: after(-3_600) })))).toBe('proof.stale');
  });
});

describe('said with an SSH key', () => {
  test.each(['alice', 'bob', 'dave'] as const)('a signature of %s is proven, with a key of their own', async (by) => {
    const statement = await cast.bySsh({ ...said, by });
    expect(findFacts(statement, cast.people)).toMatchObject({
      principal: { id: by },
      proof: { good: true, personalKey: true },
    });
  });

  test('nothing of what was signed can be changed, and no signature moved to another statement', async () => {
    const good = await cast.bySsh(said);
    const other = await cast.bySsh({ ...said, nonce: 'n2' });
    expect(codeOf({ ...good, reason: 'another' })).toBe('proof.signature-wrong');
    expect(codeOf({ ...good, verb: 'deny' })).toBe('proof.signature-wrong');
    expect(codeOf({ ...good, proof: { ...good.proof, signature: other.proof.signature } })).toBe(
      'proof.signature-wrong',
    );
    expect(codeOf({ ...good, proof: { ...good.proof, signature: 'none' } })).toBe('proof.malformed');
  });

  test('a key speaks for the one person who lists it', async () => {
    const carols = await cast.bySsh({ ...said, by: 'carol' });
    expect(codeOf({ ...carols, by: 'bob' })).toBe('proof.identity-mismatch');
    const principals = { ...cast.people.principals, carol: { id: 'carol', slack: [], ssh: [] } };
    expect(codeOf(carols, { ...cast.people, principals })).toBe('proof.key-unknown');
    const shared = {
      ...cast.people.principals,
      eve: { id: 'eve', slack: [], ssh: cast.people.principals['carol']?.ssh ?? [] },
    };
    expect(codeOf(carols, { ...cast.people, principals: shared })).toBe('proof.identity-mismatch');
  });

  test('one who names the key of another under a signature of their own is found out', async () => {
    const bobs = await cast.bySsh(said);
    const alices = await cast.bySsh({ ...said, by: 'alice' });
    // Alice signs exactly what would be Bob's statement with her own key.
    const signature = await signWithSsh({ keyFile: cast.keyFile('alice'), text: canonical(signedPart(bobs)) });
    expect(codeOf({ ...bobs, proof: { ...bobs.proof, signature } })).toBe('proof.key-mismatch');
    expect(codeOf(alices)).toBe('good');
  });

  test('one statement signed twice has one name, so that it cannot count twice', async () => {
    const first = await cast.bySsh(said); // ECDSA: every signature is another one.
    const second = await cast.bySsh(said);
    expect(first.proof.signature).not.toBe(second.proof.signature);
    expect(findFacts(first, cast.people).digest).toBe(findFacts(second, cast.people).digest);
  });
});

test('a revoked principal is found as such; what follows from it, the gate decides', () => {
  const bob = {
    ...cast.people.principals['bob'],
    id: 'bob',
    slack: [{ team: 'T1', user: 'U-bob' }],
    ssh: [],
    revokedAt: after(10),
  };
  const people = { ...cast.people, principals: { ...cast.people.principals, bob } };
  expect(findFacts(cast.bySlack(said), people)).toMatchObject({
    principal: { id: 'bob', revokedAt: after(10) },
    proof: { good: true },
  });
});

test('a statement that holds a secret is refused in words, for what is redacted later can no longer be proven', () => {
  const token = ['xoxb', '1234567890', 'abcdefghij'].join('-');
  expect(codeOf(cast.bySlack({ ...said, reason: `found ${token}` }))).toBe('statement.holds-a-secret');
  const known = cast.bySlack({ ...said, reason: 'found correct-horse' });
  expect(findFacts(known, cast.people, ['correct-horse']).proof).toMatchObject({
    good: false,
    code: 'statement.holds-a-secret',
  });
  expect(codeOf(known)).toBe('good');
});

describe('what is no statement', () => {
  test('is told by a stable code and the place', () => {
    const { proof: _proof, ...bare } = cast.bySlack(said);
    expect(codeOf(bare)).toBe('proof.missing');
    expect(codeOf({ ...bare, proof: null })).toBe('proof.missing');
    expect(findFacts({ ...cast.bySlack(said), by: 7 }, cast.people).proof).toMatchObject({
      code: 'statement.malformed',
      reason: expect.stringContaining('"by"') as string,
    });
    expect(codeOf({ ...cast.bySlack(said), at: '2026-03-01T02:00:30Z' })).toBe('statement.malformed');
    expect(codeOf({ ...cast.bySlack(said), more: 1 })).toBe('statement.malformed');
    expect(codeOf({ ...cast.bySlack(said), reason: 'x'.repeat(70_000) })).toBe('statement.malformed');
  });

  test('never throws and is never good, whatever it is', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) as unknown;
    const odd = [
      undefined,
      null,
      0,
      '',
      [],
      {},
      circular,
      deep,
      Symbol('x'),
      10n,
      () => 1,
      { proof: {} },
      { __proto__: null },
      new Map(),
    ];
    for (const each of odd)
      expect(findFacts(each, cast.people)).toMatchObject({ principal: undefined, proof: { good: false } });
    const good = cast.bySlack(said) as unknown as Record<string, unknown>;
    const broken = fc
      .tuple(fc.constantFrom(...Object.keys(good)), fc.anything({ withBigInt: true, withNullPrototype: true }))
      .map(([key, value]) => ({ ...good, [key]: value }));
    const shaped = fc.record({
      version: fc.constant(1),
      verb: fc.constantFrom(...verbs),
      by: fc.constantFrom('bob', '__proto__', 'constructor'),
      at: fc.constant(after(1)),
      validUntil: fc.constant(after(2)),
      nonce: fc.string(),
      about: fc.constant(gateAbout('run-1')),
      proof: fc.record({
        kind: fc.constantFrom('slack', 'ssh'),
        key: fc.string(),
        signature: fc.string(),
        request: fc.jsonValue(),
        account: fc.jsonValue(),
      }),
    });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.jsonValue(), broken, shaped), (value) => {
        const facts = findFacts(value, cast.people);
        expect(facts.proof.good && statementDigest(value as Statement) !== statementDigest(cast.bySlack(said))).toBe(
          false,
        );
        expect(facts.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      }),
      { numRuns: 2_000 },
    );
  });
});
