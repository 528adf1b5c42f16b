/** What a person said, about what exactly, and how it can be proven; the only thing that moves a run. */
import type { Digest, Iso, JsonObject, PrincipalId } from './json.js';
import type { Verb } from './verbs.js';

/** In characters of its JSON; one with the longest signature and reason that people use is a quarter of this. */
export const statementCharsMax = 20_000;

/** About a new run: launch, plan, release, undo. The digest of this object is the run's launch digest. */
export interface LaunchAbout {
  kind: 'launch';
  run: string;
  incident: string;
  runbook: Digest;
  bundle: Digest;
  inputs: Digest;
  environment: string;
  /** What was done by hand at a step is taken over; `was` names what its targets are said to have been before. */
  adopts?: { step: string; was: Digest };
  /** The run to which this one adds targets: what people did or decided there is not asked of them again. */
  amends?: string;
}

/** About a gate that asks: approve, deny, withdraw. `plan` is SHA-256 over the sorted effect digests. */
export interface GateAbout {
  kind: 'gate';
  run: string;
  launch: Digest;
  gate: string;
  round: number;
  plan: Digest;
}

/** About a run as it goes: retry, pause, resume, skip, cancel, extend, hand-over, note, confirm, choose. */
export interface RunAbout {
  kind: 'run';
  run: string;
  launch: Digest;
  step?: string;
  /** For `extend` and `pause`: by how many milliseconds. */
  byMs?: number;
  /** For `hand-over`: whose it is from now on. */
  to?: PrincipalId;
  /** For `choose`: one of the choices that the step offers. */
  choice?: string;
}

export type About = LaunchAbout | GateAbout | RunAbout;

/** The gateway's word for a signed Slack request and for what Slack said of the account at the click. */
export interface SlackProof {
  kind: 'slack';
  key: string;
  request: {
    team: string;
    user: string;
    enterprise?: string;
    timestamp: number;
    body: Digest;
    command?: string;
    action?: string;
  };
  account: { deleted: boolean; bot: boolean; restricted: boolean; stranger: boolean; team: string; askedAt: Iso };
  signature: string;
}

/** The person's own SSH signature (`ssh-keygen -Y sign`, namespace `firebreak`), armoured. */
export interface SshProof {
  kind: 'ssh';
  /** Fingerprint, `SHA256:...`, of a key listed under the principal in `people.yaml`. */
  key: string;
  signature: string;
}

/** How the sender of a hook shows who it is: a signature over each request, or a constant token, which is weaker. */
export type HookScheme = 'standard-webhooks' | 'bearer';

/** The gateway's word for a request to a hook that it verified. Whoever speaks so is a service. */
export interface HookProof {
  kind: 'hook';
  key: string;
  request: {
    hook: string;
    scheme: HookScheme;
    /** What the sender calls this alert; the same one launches once. */
    id: string;
    /** In seconds: as the sender signed it, or when it arrived where nothing is signed. */
    timestamp: number;
    body: Digest;
  };
  signature: string;
}

export type Proof = SlackProof | SshProof | HookProof;

export interface Statement {
  version: 1;
  verb: Verb;
  about: About;
  by: PrincipalId;
  at: Iso;
  /** Until when it can be counted; an approval is good for an hour unless its gate says otherwise. */
  validUntil: Iso;
  nonce: string;
  reason?: string;
  proof: Proof;
}

/** What the proof signs: the whole statement but the signature itself. */
export function signedPart(statement: Statement): JsonObject {
  const { signature: _signature, ...proof } = statement.proof;
  return { ...statement, proof } as unknown as JsonObject;
}

/** What was found about a statement outside workflow code: the directory and the proof. Judged by `core/gate.ts`. */
export interface Facts {
  /** `undefined` when the directory does not know the speaker, or when two principals claim the identity. */
  principal:
    | {
        id: PrincipalId;
        groups: string[];
        responder: boolean;
        revokedAt?: Iso;
        /** Only of a service. */
        service?: { launches: string[]; owner: PrincipalId };
      }
    | undefined;
  /** For `hand-over`: whoever it is handed to; absent when the directory does not know them. */
  to?: { id: PrincipalId; responder: boolean; revokedAt?: Iso };
  proof: { good: true; personalKey: boolean } | { good: false; code: string; reason: string };
  /**
   * Digest of what the proof signs: the statement's name on the record. The signature is not in it, because one thing said
   * can be signed in several ways (ECDSA), and said twice it must still count once.
   */
  digest: Digest;
}
