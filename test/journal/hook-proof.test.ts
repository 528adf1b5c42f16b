// What a service says: proven by the gateway for its hook, good for launching its runbooks, and for nothing else.
import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeLauncher, judgeResponder, judgeSpeaker } from '../../core/gate.js';
import { groupsOf, type People } from '../../core/people.js';
import { leastGate, leastGateOf, risks } from '../../core/risk.js';
import type { About, HookProof, Statement } from '../../core/statement.js';
import { type Verb, verbs } from '../../core/verbs.js';
import { attest, proveFacts } from '../../journal/proof.js';
import { signerOf } from '../../journal/signer.js';

const pair = generateKeyPairSync('ed25519');
const signer = signerOf({ id: 'gateway-1', privateKey: pair.privateKey });
const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const digest = `sha256:${'1'.repeat(64)}` as const;
const nowMs = Date.parse('2031-04-05T06:07:08.000Z');

const people: People = {
  principals: {
    alice: { id: 'alice', slack: [], ssh: [] },
    finder: { id: 'finder', slack: [], ssh: [], service: { hook: 'findings', launches: ['isolate'], owner: 'alice' } },
    other: { id: 'other', slack: [], ssh: [], service: { hook: 'others', launches: ['wipe'], owner: 'alice' } },
  },
  // As a file that was edited by hand past `validate` might say.
  groups: { responders: ['alice', 'finder'] },
  responders: ['responders'],
  keys: [{ id: 'gateway-1', use: 'gateway', publicKey }],
};

const about: About = {
  kind: 'launch',
  run: 'run-1',
  incident: 'inc-1',
  runbook: digest,
  bundle: digest,
  inputs: digest,
  environment: 'test',
};

function said(changes: Partial<Statement> = {}, request: Partial<HookProof['request']> = {}): Statement {
  const timestamp = Math.floor(nowMs / 1000);
  return attest(
    {
      version: 1,
      verb: 'launch',
      about,
      by: 'finder',
      at: new Date(nowMs).toISOString(),
      validUntil: new Date(nowMs + 60_000).toISOString(),
      nonce: 'n',
      ...changes,
      proof: {
        kind: 'hook',
        request: { hook: 'findings', scheme: 'standard-webhooks', id: 'f-1', timestamp, body: digest, ...request },
      },
    },
    signer,
  );
}

const facts = (statement: Statement, of = people) => proveFacts(statement, of);

test('a service launches the runbooks that are listed for it, and no other', () => {
  const statement = said();
  expect(facts(statement).proof).toEqual({ good: true, personalKey: false });
  expect(judgeLauncher(statement, facts(statement), 'isolate', nowMs)).toEqual({ counts: true });
  for (const runbook of ['wipe', undefined])
    expect(judgeLauncher(statement, facts(statement), runbook, nowMs)).toMatchObject({ code: 'service.other-runbook' });
});

test('no other verb of a service counts, whatever group a file puts it in', () => {
  const others = verbs.filter((verb) => verb !== 'launch');
  expect(others.length).toBeGreaterThan(10);
  for (const verb of others) {
    const statement = said({ verb });
    expect(judgeSpeaker(statement, facts(statement), nowMs)).toMatchObject({ code: 'service.only-launches' });
    expect(judgeResponder(statement, facts(statement), nowMs)).toMatchObject({ code: 'service.only-launches' });
    expect(judgeLauncher(statement, facts(statement), 'isolate', nowMs)).toMatchObject({
      code: 'service.only-launches',
    });
  }
  expect(groupsOf(people, 'finder')).toEqual([]);
});

test.each<[string, string, Statement]>([
  ['a person through a hook', 'proof.identity-mismatch', said({ by: 'alice' })],
  ['a service through the hook of another', 'proof.identity-mismatch', said({ by: 'other' })],
  ['a hook that nobody speaks through', 'proof.identity-mismatch', said({}, { hook: 'unknown' })],
  ['a request of ten minutes before', 'proof.stale', said({}, { timestamp: Math.floor(nowMs / 1000) - 600 })],
])('%s is not proven: %s', (_what, code, statement) => {
  expect(facts(statement).proof).toMatchObject({ good: false, code });
});

test('no change of what the gateway attested leaves it proven', () => {
  const good = said();
  const proof = good.proof as HookProof;
  const change = fc.oneof(
    fc.constantFrom<Verb>('approve', 'release').map((verb) => ({ ...good, verb })),
    fc.string({ minLength: 1 }).map((nonce) => ({ ...good, nonce: `${nonce}x` })),
    fc.constantFrom('id', 'hook', 'scheme', 'body', 'timestamp').map((field) => {
      const other = { id: 'f-2', hook: 'others', scheme: 'bearer', body: `sha256:${'2'.repeat(64)}`, timestamp: 1 };
      return { ...good, proof: { ...proof, request: { ...proof.request, [field]: other[field as 'id'] } } };
    }),
  );
  fc.assert(
    fc.property(change, (changed) => {
      const found = facts(changed).proof;
      expect(found.good).toBe(false);
    }),
  );
  expect(facts(good).proof.good).toBe(true);
});

test('a revoked service, one with two claims on its hook, and a revoked gateway key launch nothing', () => {
  const [revoked, twice, keyless] = [structuredClone(people), structuredClone(people), structuredClone(people)];
  (revoked.principals['finder'] as { revokedAt?: string }).revokedAt = '2031-01-01T00:00:00.000Z';
  if (twice.principals['other']?.service !== undefined) twice.principals['other'].service.hook = 'findings';
  (keyless.keys[0] as { revokedAt?: string }).revokedAt = '2031-01-01T00:00:00.000Z';
  const codes = [revoked, twice, keyless].map((of) => {
    const ruling = judgeLauncher(said(), facts(said(), of), 'isolate', nowMs);
    return ruling.counts ? 'counts' : ruling.code;
  });
  expect(codes).toEqual(['person.revoked', 'proof.identity-mismatch', 'proof.key-revoked']);
});

test('where a service launched, one person more agrees to whatever needs anybody', () => {
  for (const risk of risks) {
    const { need, personalKeys } = leastGate[risk];
    expect(leastGateOf(risk, false)).toEqual({ need, personalKeys });
    expect(leastGateOf(risk, true)).toEqual({ need: need === 0 ? 0 : need + 1, personalKeys });
  }
});
