/**
 * A refusal is an answer, not a fault: what was asked is well-formed and was considered, and the rules say no.
 * The API answers it with 403 and the CLI ends with 1, where bad input is 400 and 2.
 */
import { FirebreakError } from '../core/errors.js';

export class Refusal extends FirebreakError {
  constructor(code: string, message: string, nextStep?: string) {
    super(code, message, { nextStep: nextStep ?? nextSteps[code] ?? 'look at the run with `firebreak status RUN`.' });
    this.name = 'Refusal';
  }
}

/** What to do about a refusal by the engine, by its code; the engine says only what and why. */
const nextSteps: Record<string, string> = {
  'about.other-effect': 'look at the current plan with `firebreak status RUN` and decide on that.',
  'about.other-round': 'look at the current card, or at `firebreak status RUN`, and decide on that.',
  'gate.already-decided': 'take it back with `firebreak withdraw RUN`, then decide again.',
  'gate.expired': 'ask for a new round with `firebreak retry RUN`.',
  'gate.not-eligible': 'ask one of the people whom the gate names.',
  'gate.nothing-to-withdraw': 'nothing needs to be done.',
  'gate.requester-excluded': 'ask one of the people whom the gate names to look at the plan and decide.',
  'hand-over.not-a-responder': 'hand it over to a responder.',
  'person.not-a-responder': 'ask a responder to say it.',
  'person.revoked': 'ask another responder; this principal counts for nothing any more.',
  'person.unknown': 'add the identity under `principals:` in people.yaml, or speak with a key that is listed there.',
  'proof.account-not-eligible': 'ask a full member of the workspace, or sign with an SSH key from the command line.',
  'proof.identity-mismatch': 'speak as the principal whose key or Slack account it is.',
  'proof.key-unknown':
    'list the key under your principal in people.yaml, or sign with one that is listed there (`--key FILE`).',
  'proof.signature-wrong': 'prepare it again, and sign what was prepared, unchanged.',
  'proof.stale': 'say it again.',
  'service.only-launches': 'have a responder say it.',
  'service.other-runbook':
    'list the runbook under `launches` of the service in people.yaml, or have a responder launch it.',
  'statement.expired': 'say it again; it was too old when it arrived.',
  'statement.from-the-future': 'set the clock of the machine that signed, then say it again.',
  'statement.replayed': 'nothing needs to be done; it counted the first time.',
  'task.answered': 'nothing needs to be done; see `firebreak status RUN`.',
  'task.not-eligible': 'ask one of the people whom the step names.',
};
