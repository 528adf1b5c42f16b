/** The directory: principals, their identities and groups, and the keys of services. The compiled form of `people.yaml`. */
import type { Iso, PrincipalId } from './json.js';

export interface Principal {
  id: PrincipalId;
  name?: string;
  slack: { team: string; user: string }[];
  /** OpenSSH public keys, `ssh-ed25519 AAAA... comment`. */
  ssh: string[];
  /** Only of a service: the one way in which it speaks, and all that it may say. */
  service?: Service;
  /** Set when the person left or was locked: nothing of theirs counts any more. */
  revokedAt?: Iso;
}

/** A service is no person: it launches the runbooks that are listed for it, and its word counts for nothing else. */
export interface Service {
  /** A name under `hooks` of `firebreak.yaml`. */
  hook: string;
  /** Names of runbooks. */
  launches: string[];
  /** Whose its runs are until they are handed over: a service cannot be paged. */
  owner: PrincipalId;
}

/** Keys that sign for a service: `gateway` attests requests of Slack and of hooks, `journal` signs appends. */
export interface ServiceKey {
  id: string;
  use: 'gateway' | 'journal';
  /** Ed25519 public key, SPKI in base64. */
  publicKey: string;
  revokedAt?: Iso;
}

export interface People {
  principals: Record<PrincipalId, Principal>;
  groups: Record<string, PrincipalId[]>;
  /** Groups whose members may launch and speak as responders. */
  responders: string[];
  keys: ServiceKey[];
}

/** The one principal with this Slack identity, or undefined when there is none or more than one: both refuse. */
export function bySlack(people: People, team: string, user: string): Principal | undefined {
  return only(
    Object.values(people.principals).filter(({ slack }) => slack.some((id) => id.team === team && id.user === user)),
  );
}

/** The one service that speaks through this hook, or undefined when there is none or more than one: both refuse. */
export function byHook(people: People, hook: string): Principal | undefined {
  return only(Object.values(people.principals).filter(({ service }) => service?.hook === hook));
}

/** Groups are of people: a service is in none, whatever a list says. */
export function groupsOf(people: People, id: PrincipalId): string[] {
  if (people.principals[id]?.service !== undefined) return [];
  return Object.keys(people.groups).filter((group) => people.groups[group]?.includes(id));
}

export function isResponder(people: People, id: PrincipalId): boolean {
  return groupsOf(people, id).some((group) => people.responders.includes(group));
}

function only<T>(list: T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined;
}
