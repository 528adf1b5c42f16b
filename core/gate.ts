/**
 * Whether people have agreed: pure, clocked from outside. The workflow, the executors and the offline verifier all call
 * `judge`, so there is one answer to "does this count?".
 */
import { same } from './canonical.js';
import { formatDuration } from './duration.js';
import type { Iso, PrincipalId } from './json.js';
import type { Facts, GateAbout, Statement } from './statement.js';
import type { Verb } from './verbs.js';

export interface GateSpec {
  need: number;
  from: string[];
  /** For how long it asks, in milliseconds. */
  withinMs: number;
  remindMs?: number;
  escalate?: { afterMs: number; to: string[] };
  /** How many of the `need` must be proven with a key of the person's own. */
  personalKeys: number;
  /** For how long an approval may be carried out, in milliseconds. */
  approvalValidMs: number;
}

export const approvalValidMsDefault = 60 * 60_000;

/** What a request such as `skip` is for; part of what people agree to. */
export interface Request {
  by: PrincipalId;
  step?: string;
  byMs?: number;
}

/** A gate while it asks: one round, about one plan. */
export interface Ask {
  id: string;
  about: GateAbout;
  /** What passing allows: the carrying out of the planned changes, or a request such as `cancel`. */
  allows: 'carry out' | Verb;
  request?: Request;
  spec: GateSpec;
  /** The requester, and whoever else may not decide. */
  excluded: PrincipalId[];
  openedAt: Iso;
  deadline: Iso;
  /** A containing gate that runs out goes on asking; an ordinary one is denied. */
  containing: boolean;
}

/** A statement that counted. */
export interface Counted {
  digest: string;
  verb: 'approve' | 'deny' | 'withdraw';
  by: PrincipalId;
  at: Iso;
  /** An approval counts until then and not after it; a denial and a withdrawal stay. */
  goodUntil: Iso;
  personalKey: boolean;
}

export type Ruling = { counts: true; counted: Counted } | { counts: false; code: string; reason: string };

export type Verdict = 'asking' | 'passed' | 'denied' | 'expired';

/** A clock may differ from ours by this much before a statement is taken to come from the future. */
const clockSkewMs = 30_000;

/** Whether a statement counts at a gate, given what was found about it and what counted before. */
export function judge(ask: Ask, before: Counted[], statement: Statement, facts: Facts, nowMs: number): Ruling {
  const speaker = judgeSpeaker(statement, facts, nowMs);
  if (!speaker.good) return refused(speaker.code, speaker.reason);
  const { principal } = speaker;
  const { verb } = statement;
  if (verb !== 'approve' && verb !== 'deny' && verb !== 'withdraw')
    return refused('verb.not-for-gate', `"${verb}" is not an answer to a gate.`);
  if (statement.about.kind !== 'gate') return refused('about.not-a-gate', 'This was not said about a gate.');
  if (statement.about.gate !== ask.about.gate || statement.about.round !== ask.about.round) {
    return refused('about.other-round', 'This answers another gate or an earlier round; look at the current card.');
  }
  if (!same(statement.about, ask.about)) {
    return refused(
      'about.other-effect',
      'What would be done is not what was shown when this was said; look at the current plan.',
    );
  }
  // However long its speaker, or who attested it, wrote that it should be good.
  if (verb === 'approve' && nowMs > Date.parse(statement.at) + ask.spec.approvalValidMs) {
    return refused(
      'statement.expired',
      `An approval at gate "${ask.about.gate}" is good for ${formatDuration(ask.spec.approvalValidMs)}; this one was good until ${goodUntil(statement, ask.spec)}.`,
    );
  }
  if (before.some((each) => each.digest === facts.digest))
    return refused('statement.replayed', 'This was already said and counted.');
  if (ask.excluded.includes(principal.id)) {
    return refused('gate.requester-excluded', 'Whoever asked for this cannot also decide it; somebody else must.');
  }
  if (!principal.groups.some((group) => ask.spec.from.includes(group))) {
    return refused('gate.not-eligible', `Only ${ask.spec.from.join(' or ')} can decide at gate "${ask.about.gate}".`);
  }
  const standing = standingOf(stillGood(before, nowMs), principal.id);
  if (verb === 'withdraw') {
    if (standing === undefined) return refused('gate.nothing-to-withdraw', 'You have not decided in this round.');
  } else if (standing !== undefined) {
    return refused(
      'gate.already-decided',
      `You have already said "${standing.verb}" in this round; withdraw it first.`,
    );
  }
  if (Date.parse(statement.at) > Date.parse(ask.deadline) && !ask.containing) {
    return refused(
      'gate.expired',
      'This gate ran out of time before you answered; nothing was done. Ask for a new round with retry.',
    );
  }
  return {
    counts: true,
    counted: {
      digest: facts.digest,
      verb,
      by: principal.id,
      at: statement.at,
      goodUntil: goodUntil(statement, ask.spec),
      personalKey: facts.proof.good && facts.proof.personalKey,
    },
  };
}

type Speaker =
  | { good: true; principal: NonNullable<Facts['principal']> }
  | { good: false; code: string; reason: string };

/** Whether a statement was really said, now, by an active principal; the part that all verbs share. */
export function judgeSpeaker(statement: Statement, facts: Facts, nowMs: number): Speaker {
  if (!facts.proof.good) return { good: false, code: facts.proof.code, reason: facts.proof.reason };
  const { principal } = facts;
  if (principal === undefined || principal.id !== statement.by) {
    return { good: false, code: 'person.unknown', reason: 'No active principal in people.yaml has this identity.' };
  }
  if (principal.revokedAt !== undefined) {
    return { good: false, code: 'person.revoked', reason: `${principal.id} was revoked at ${principal.revokedAt}.` };
  }
  if (principal.service !== undefined && statement.verb !== 'launch') {
    return {
      good: false,
      code: 'service.only-launches',
      reason: `${principal.id} is a service: it can launch ${principal.service.launches.join(', ')} and say nothing else.`,
    };
  }
  const atMs = Date.parse(statement.at);
  if (!(atMs <= nowMs + clockSkewMs)) {
    return {
      good: false,
      code: 'statement.from-the-future',
      reason: `It is dated ${statement.at}, which is still to come.`,
    };
  }
  if (!(Date.parse(statement.validUntil) >= nowMs)) {
    return { good: false, code: 'statement.expired', reason: `It was good until ${statement.validUntil}.` };
  }
  return { good: true, principal };
}

/** Whether a responder may say this alone: launch, plan, note, retry, extend. */
export function judgeResponder(
  statement: Statement,
  facts: Facts,
  nowMs: number,
): { counts: true } | { counts: false; code: string; reason: string } {
  const speaker = judgeSpeaker(statement, facts, nowMs);
  if (!speaker.good) return refused(speaker.code, speaker.reason);
  if (!speaker.principal.responder)
    return refused('person.not-a-responder', `${speaker.principal.id} is not in a group of responders.`);
  return { counts: true };
}

/** Whether this may start a run of that runbook: a responder any, a service only those that people.yaml lists for it. */
export function judgeLauncher(
  statement: Statement,
  facts: Facts,
  runbook: string | undefined,
  nowMs: number,
): ReturnType<typeof judgeResponder> {
  const speaker = judgeSpeaker(statement, facts, nowMs);
  if (!speaker.good) return refused(speaker.code, speaker.reason);
  const { id, service } = speaker.principal;
  if (service === undefined) return judgeResponder(statement, facts, nowMs);
  const { about, verb } = statement;
  // Nobody stands behind what a service would take over, or add to what people launched.
  if (verb !== 'launch' || about.kind !== 'launch' || about.adopts !== undefined || about.amends !== undefined)
    return refused('service.only-launches', `${id} is a service, which launches and does nothing else.`);
  if (runbook !== undefined && service.launches.includes(runbook)) return { counts: true };
  return refused('service.other-runbook', `${id} may launch ${service.launches.join(', ')} and nothing else.`);
}

/** Whether a responder may hand over to this person: somebody who could answer when paged. */
export function judgeHandOver(
  statement: Statement,
  facts: Facts,
  nowMs: number,
): { counts: true; to: PrincipalId } | { counts: false; code: string; reason: string } {
  const ruling = judgeResponder(statement, facts, nowMs);
  if (!ruling.counts) return ruling;
  const { to } = facts;
  if (to === undefined) return refused('hand-over.unknown', 'people.yaml has nobody of that name.');
  if (to.revokedAt !== undefined) return refused('hand-over.revoked', `${to.id} was revoked at ${to.revokedAt}.`);
  return to.responder
    ? { counts: true, to: to.id }
    : refused('hand-over.not-a-responder', `${to.id} is not in a group of responders.`);
}

/**
 * Where the gate stands by these words. One denial stops; approvals count once a person; time never passes a gate. Whether
 * the words are `stillGood` is asked before, as of the moment that matters: of passing, or of carrying out.
 */
export function verdict(ask: Ask, counted: Counted[], nowMs: number): Verdict {
  const standing = standingIn(counted);
  if (standing.some((each) => each.verb === 'deny')) return 'denied';
  const approvals = standing.filter((each) => each.verb === 'approve');
  const personal = approvals.filter((each) => each.personalKey).length;
  if (approvals.length >= ask.spec.need && personal >= ask.spec.personalKeys) return 'passed';
  if (!ask.containing && nowMs >= Date.parse(ask.deadline)) return 'expired';
  return 'asking';
}

/** What counts at this moment: an approval that has lapsed is as if it had not been said, and can be said again. */
export function stillGood(counted: Counted[], nowMs: number): Counted[] {
  return counted.filter((each) => each.verb !== 'approve' || !(nowMs > Date.parse(each.goodUntil)));
}

/** Everybody's last word, of those who have one. */
export function standingIn(counted: Counted[]): Counted[] {
  return [...new Set(counted.map((each) => each.by))]
    .map((by) => standingOf(counted, by))
    .filter((each) => each !== undefined);
}

/** The earlier of what its speaker wrote and what the gate allows. */
export function goodUntil({ at, validUntil }: Statement, { approvalValidMs }: GateSpec): Iso {
  const latestMs = Date.parse(at) + approvalValidMs;
  return latestMs < Date.parse(validUntil) ? new Date(latestMs).toISOString() : validUntil;
}

/** A person's last word in this round, or undefined when it was withdrawn or never said. */
function standingOf(counted: Counted[], by: PrincipalId): Counted | undefined {
  const last = counted.filter((each) => each.by === by).at(-1);
  return last?.verb === 'withdraw' ? undefined : last;
}

function refused(code: string, reason: string): { counts: false; code: string; reason: string } {
  return { counts: false, code, reason };
}

/** The gate that applies: what the runbook asks for, and never less than the risk table does. */
export function atLeast(spec: GateSpec, least: { need: number; personalKeys: number }): GateSpec {
  return {
    ...spec,
    need: Math.max(spec.need, least.need),
    personalKeys: Math.max(spec.personalKeys, least.personalKeys),
  };
}
