/** What Firebreak keeps of a side of a target while a containment is in force; written before the world is touched. */
import type { Target, UnitName } from './change.js';
import type { GateSpec } from './gate.js';
import { type Inventory, type Known, knownOf } from './inventory.js';
import type { Digest, Iso, Json, PrincipalId } from './json.js';
import type { Risk } from './risk.js';

export type HoldState = 'intended' | 'in force' | 'releasing' | 'closed';

export interface Holder {
  run: string;
  incident: string;
  step: string;
  requester: PrincipalId;
  since: Iso;
  /** It contains, so that the hold stays in force after this holder's run too. */
  containing?: boolean;
}

/** Where a hold comes from: what must be asked again to lift it, and who answers for it. */
export interface Origin {
  run: string;
  incident: string;
  step: string;
  runbook: Digest;
  gate: string;
  spec: GateSpec;
}

export interface Hold {
  version: 1;
  id: string;
  /** `changeKey` of the held side; at most one open hold has it. */
  key: string;
  unit: UnitName;
  item: Json;
  target: Target;
  aspect: string;
  risk: Risk;
  guarded: boolean;
  oneWay: boolean;
  partsOpen: boolean;
  /** Keys of held sides that had to be there first; release goes the other way round. */
  dependsOn?: string[];
  /** Containments stay in force after their run; all others close with it. True as long as one of the holders contains. */
  containing: boolean;
  /** As the plan saw it. */
  planned: Json;
  /** As it was found right before the first write; what release puts back. */
  before: Json;
  after: Json;
  holders: Holder[];
  origin: Origin;
  state: HoldState;
  observed?: Json;
  intendedAt: Iso;
  inForceAt?: Iso;
  /** Since when the watch finds it otherwise than held, and has not put it back: it is about to, or its limit is reached. */
  differsSince?: Iso;
  /** Until then an executor may be in the middle of writing it; absent when none is. */
  writingUntil?: Iso;
  /** The run that held it last, while it is being released. */
  releasingFor?: string;
  closedAt?: Iso;
  /** How it closed: `released`, `kept as found`, `done`, ... */
  outcome?: string;
}

/** A hold as it is shown to people: with what the inventory calls its item, and whose that is. */
export interface ShownHold extends Hold {
  known?: Known;
}

export function shownHold(hold: Hold, inventory: Inventory): ShownHold {
  const known = knownOf(inventory, hold);
  return known === undefined ? hold : { ...hold, known };
}

/** How a hold stands, in the words that every view uses, and since when. */
export interface Standing {
  /** `unknown`: begun, and never read back. `not as held`: somebody changed it, and it was not put back. */
  is: 'in force' | 'unknown' | 'not as held' | 'releasing' | 'closed';
  since: Iso;
}

export function standingOf({ state, intendedAt, inForceAt, closedAt, differsSince }: Hold): Standing {
  switch (state) {
    case 'intended':
      return { is: 'unknown', since: intendedAt };
    case 'in force':
      return differsSince === undefined
        ? { is: 'in force', since: inForceAt ?? intendedAt }
        : { is: 'not as held', since: differsSince };
    case 'releasing':
      return { is: state, since: inForceAt ?? intendedAt };
    case 'closed':
      return { is: state, since: closedAt ?? intendedAt };
  }
}
