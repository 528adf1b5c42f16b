/** What a verification rests on: keys and people given by whoever verifies, or for want of them those in the file. */
import type { Iso } from '../../core/json.js';
import type { People, ServiceKey } from '../../core/people.js';
import { sha256 } from '../digest.js';

export interface Anchors {
  people: People;
  /** What an answer says of them. */
  keys: KeysAnswer;
}

export interface KeysAnswer {
  pinned: boolean;
  /** `keys: as given` or `keys: from the file, not pinned`; and the same of the people. */
  says: string;
  /** SHA-256 of each public key (SPKI), to be compared with those of the installation. */
  fingerprints: { id: string; use: ServiceKey['use']; fingerprint: string }[];
}

export interface Given {
  /** The installation's keys; by default those of `people`. */
  keys?: ServiceKey[];
  people?: People;
}

const nobody: People = { principals: {}, groups: {}, responders: [], keys: [] };

export function anchorsFrom(given: Given, inFile: People = nobody): Anchors {
  const pinned = given.keys ?? given.people?.keys;
  const keys = pinned ?? inFile.keys;
  const ofKeys = pinned === undefined ? 'keys: from the file, not pinned' : 'keys: as given';
  const ofPeople = given.people === undefined ? 'people: from the file, not pinned' : 'people: as given';
  return {
    people: { ...(given.people ?? inFile), keys },
    keys: {
      pinned: pinned !== undefined,
      says: `${ofKeys}; ${ofPeople}`,
      fingerprints: keys.map(({ id, use, publicKey }) => ({
        id,
        use,
        fingerprint: sha256(Buffer.from(publicKey, 'base64')),
      })),
    },
  };
}

/** The directory as it stood at a moment: whoever was revoked later spoke in good standing. */
export function asOf(people: People, at: Iso): People {
  const wasRevoked = (each: { revokedAt?: Iso }): boolean =>
    each.revokedAt !== undefined && Date.parse(each.revokedAt) <= Date.parse(at);
  const then = <T extends { revokedAt?: Iso }>(each: T): T => {
    if (each.revokedAt === undefined || wasRevoked(each)) return each;
    const { revokedAt: _later, ...rest } = each;
    return rest as T;
  };
  const principals = Object.entries(people.principals).map(([id, principal]) => [id, then(principal)]);
  return { ...people, principals: Object.fromEntries(principals), keys: people.keys.map(then) };
}

/** The journal's key of that name, unless it was revoked by then. */
export function journalKey(people: People, id: string, at: Iso): ServiceKey | 'unknown' | 'revoked' {
  const keys = people.keys.filter((key) => key.use === 'journal' && key.id === id);
  const key = keys[0];
  if (key === undefined || keys.length > 1) return 'unknown';
  return key.revokedAt !== undefined && Date.parse(key.revokedAt) <= Date.parse(at) ? 'revoked' : key;
}
