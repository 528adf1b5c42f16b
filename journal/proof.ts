/**
 * Who really said a statement: the one place that checks proofs, for workflows' activities, executors and offline
 * verification alike. It finds facts and decides nothing; `core/gate.ts` judges them.
 */
import { canonical } from '../core/canonical.js';
import { FirebreakError } from '../core/errors.js';
import type { Digest, Json } from '../core/json.js';
import {
  byHook,
  bySlack,
  groupsOf,
  isResponder,
  type People,
  type Principal,
  type ServiceKey,
} from '../core/people.js';
import { redact } from '../core/redact.js';
import {
  type Facts,
  type HookProof,
  type SlackProof,
  signedPart,
  type SshProof,
  type Statement,
} from '../core/statement.js';
import { digestOf } from './digest.js';
import { isSignedBy } from './signer.js';
import { readStatement } from './statement-shape.js';
import { fingerprintOf, verifySshSignature } from './ssh-signature.js';
import type { Signer } from './store.js';

/** How far a request of Slack or to a hook, and what Slack said of the account, may lie from the statement, in milliseconds. */
const requestAgeMaxMs = 5 * 60_000;

type Proven = Facts['proof'];

/**
 * What the directory and the proof say about a statement; it may come straight from outside and be anything at all.
 * One that holds what looks like a secret, or one of `secrets`, is not proven: redacted, it could never be proven again.
 */
export function findFacts(statement: unknown, people: People, secrets: readonly string[] = []): Facts {
  const facts = proveFacts(statement, people);
  if (!facts.proof.good || !holdsSecret(statement as Statement, secrets)) return facts;
  const reason = 'It holds something that looks like a secret, and secrets are not kept. Say it again without.';
  return { ...facts, proof: bad('statement.holds-a-secret', reason) };
}

/** The same of a statement on record: what looks like a secret today did not have to when it was said. */
export function proveFacts(statement: unknown, people: People): Facts {
  const read = readStatement(statement);
  if (read.statement === undefined) {
    return { principal: undefined, proof: bad(read.code, read.reason), digest: nameOf(statement) };
  }
  const said = read.statement;
  const found = provenBy(said, people);
  const { about } = said;
  const named = about.kind === 'run' ? about.to : undefined;
  const to = named !== undefined && Object.hasOwn(people.principals, named) ? people.principals[named] : undefined;
  return {
    principal: principalFacts(people, found.principal),
    proof: found.proof,
    digest: statementDigest(said),
    ...(to === undefined ? {} : { to: handedTo(people, to) }),
  };
}

function handedTo(people: People, { id, revokedAt }: Principal): NonNullable<Facts['to']> {
  return { id, responder: isResponder(people, id), ...(revokedAt === undefined ? {} : { revokedAt }) };
}

function provenBy(said: Statement, people: People): Found {
  switch (said.proof.kind) {
    case 'slack':
      return provenBySlack(said, said.proof, people);
    case 'hook':
      return provenByHook(said, said.proof, people);
    case 'ssh':
      return provenBySsh(said, said.proof, people);
  }
}

/** A statement's name on the record: the digest of what its proof signs. */
export function statementDigest(statement: Statement): Digest {
  return digestOf(signedPart(statement));
}

/** Before the gateway puts its name to it. A `key` that stands in the proof already is replaced. */
export type Unattested = Without<SlackProof>;
export type UnattestedHook = Without<HookProof>;
type Without<P> = Omit<Statement, 'proof'> & { proof: Omit<P, 'key' | 'signature'> & { key?: string } };

/** The gateway's word that this was said in a request, of Slack or to a hook, that it verified. */
export function attest(statement: Unattested | UnattestedHook, signer: Signer): Statement {
  const proof = { ...statement.proof, key: signer.key };
  const signature = signer.sign(canonical(signedPart({ ...statement, proof: { ...proof, signature: '' } })));
  return { ...statement, proof: { ...proof, signature } };
}

interface Found {
  principal: Principal | undefined;
  proof: Proven;
}

function provenBySlack(statement: Statement, proof: SlackProof, people: People): Found {
  const { team, user } = proof.request;
  const principal = bySlack(people, team, user);
  return {
    principal,
    proof: attested(statement, proof, people) ?? told(statement, proof) ?? identified(statement, proof, principal),
  };
}

/** The secret of a hook opens that hook and no other, so a service is who its hook says, and nobody else is. */
function provenByHook(statement: Statement, proof: HookProof, people: People): Found {
  const { hook, timestamp } = proof.request;
  const principal = byHook(people, hook);
  return {
    principal,
    proof:
      attested(statement, proof, people) ??
      (Math.abs(timestamp * 1000 - Date.parse(statement.at)) > requestAgeMaxMs
        ? stale('request', statement)
        : undefined) ??
      ofItsHook(statement, hook, principal),
  };
}

function ofItsHook(statement: Statement, hook: string, principal: Principal | undefined): Proven {
  if (principal?.id === statement.by) return { good: true, personalKey: false };
  const whose = principal === undefined ? 'no service of people.yaml, or more than one' : principal.id;
  return bad(
    'proof.identity-mismatch',
    `Through the hook "${hook}" speaks ${whose}; this was said for ${statement.by}.`,
  );
}

function stale(what: string, { at }: Statement): Proven {
  return bad('proof.stale', `The ${what} lies more than ${requestAgeMaxMs / 60_000} minutes from ${at}; say it again.`);
}

/** Whether the gateway put its name to it; undefined when it did. */
function attested(statement: Statement, proof: SlackProof | HookProof, people: People): Proven | undefined {
  const key = gatewayKey(people, proof.key);
  if (key === undefined) {
    return bad('proof.key-unknown', `"${proof.key}" is not the key of a gateway in people.yaml.`);
  }
  if (key.revokedAt !== undefined) {
    return bad('proof.key-revoked', `The gateway's key "${key.id}" was revoked at ${key.revokedAt}.`);
  }
  return isSignedBy(key.publicKey, canonical(signedPart(statement)), proof.signature)
    ? undefined
    : bad(
        'proof.signature-wrong',
        "The gateway's signature does not fit what was said; it was altered, or never attested.",
      );
}

/** Whether Slack's words allow the account to speak, and are of that moment; undefined when they do. */
function told(statement: Statement, { account, request }: SlackProof): Proven | undefined {
  const why = [
    account.deleted && 'is deactivated',
    account.bot && 'is a bot',
    account.restricted && 'is a guest',
    account.stranger && 'belongs to another organization',
    account.team !== request.team && `is of workspace ${account.team}, not of ${request.team}`,
  ].find((each) => each !== false);
  if (why !== undefined)
    return bad('proof.account-not-eligible', `The Slack account ${request.user} ${why}; only full members can decide.`);
  const atMs = Date.parse(statement.at);
  const distances = [request.timestamp * 1000, Date.parse(account.askedAt)].map((each) => Math.abs(each - atMs));
  if (distances.some((each) => each > requestAgeMaxMs)) {
    return stale('Slack request', statement);
  }
  return undefined;
}

function identified(statement: Statement, { request }: SlackProof, principal: Principal | undefined): Proven {
  if (principal?.id === statement.by) return { good: true, personalKey: false };
  const whose =
    principal === undefined ? 'belongs to nobody in people.yaml, or to more than one' : `is that of ${principal.id}`;
  return bad(
    'proof.identity-mismatch',
    `The Slack account ${request.user} of ${request.team} ${whose}; this was said for ${statement.by}.`,
  );
}

function provenBySsh(statement: Statement, proof: SshProof, people: People): Found {
  const owners = Object.values(people.principals).filter(({ ssh }) =>
    ssh.some((line) => hasFingerprint(line, proof.key)),
  );
  const principal = owners.length === 1 ? owners[0] : undefined;
  if (owners.length === 0)
    return { principal, proof: bad('proof.key-unknown', `Nobody in people.yaml has the SSH key ${proof.key}.`) };
  if (principal?.id !== statement.by) {
    const reason = `The SSH key ${proof.key} is that of ${owners.map(({ id }) => id).join(' and ')}; this was said for ${statement.by}.`;
    return { principal, proof: bad('proof.identity-mismatch', reason) };
  }
  return { principal, proof: signedInPerson(statement, proof) };
}

function signedInPerson(statement: Statement, proof: SshProof): Proven {
  try {
    const { fingerprint } = verifySshSignature(proof.signature, canonical(signedPart(statement)));
    return fingerprint === proof.key
      ? { good: true, personalKey: true }
      : bad('proof.key-mismatch', `It is signed with ${fingerprint}, and says that it is signed with ${proof.key}.`);
  } catch (error) {
    if (!(error instanceof FirebreakError)) throw error;
    return bad(error.code.replace(/^ssh\./, 'proof.'), error.message);
  }
}

/** Fingerprints by line, because the whole directory is asked for each statement; emptied when full. */
const fingerprints = new Map<string, string | undefined>();
const fingerprintsMax = 2_000;

function hasFingerprint(line: string, fingerprint: string): boolean {
  if (!fingerprints.has(line)) {
    if (fingerprints.size >= fingerprintsMax) fingerprints.clear();
    fingerprints.set(line, readFingerprint(line));
  }
  return fingerprints.get(line) === fingerprint;
}

/** A line in the directory that is no key is nobody's key; `firebreak validate` tells of it. */
function readFingerprint(line: string): string | undefined {
  try {
    return fingerprintOf(line);
  } catch (error) {
    if (error instanceof FirebreakError) return undefined;
    throw error;
  }
}

/** The one key of that name; two of one name are none. */
function gatewayKey(people: People, id: string): ServiceKey | undefined {
  const keys = people.keys.filter((key) => key.use === 'gateway' && key.id === id);
  return keys.length === 1 ? keys[0] : undefined;
}

function principalFacts(people: People, principal: Principal | undefined): Facts['principal'] {
  if (principal === undefined) return undefined;
  const { id, revokedAt, service } = principal;
  return {
    id,
    groups: groupsOf(people, id),
    responder: isResponder(people, id),
    ...(revokedAt === undefined ? {} : { revokedAt }),
    ...(service === undefined ? {} : { service: { launches: service.launches, owner: service.owner } }),
  };
}

function holdsSecret(statement: Statement, secrets: readonly string[]): boolean {
  const words = canonical(statement);
  return canonical(redact(JSON.parse(words) as Json, secrets)) !== words;
}

/** A name even for what is no statement, so that a refusal can say what it refused. */
function nameOf(value: unknown): Digest {
  try {
    return digestOf(value);
  } catch {
    return digestOf({ unreadable: typeof value });
  }
}

function bad(code: string, reason: string): Proven {
  return { good: false, code, reason };
}
