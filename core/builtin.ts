/** Runbooks that Firebreak brings along: release of what is held, undo of what was done. Built from the holds, gated as those were. */
import { same } from './canonical.js';
import type { GateSpec } from './gate.js';
import type { Hold } from './hold.js';
import type { InputType, Runbook, Step } from './runbook.js';
import { whoMay } from './verbs.js';

/**
 * The gate for exchanging what a hold covers: the people of the gate that it passed, as many as the verb table says.
 * Executors derive it again from the hold, so that a run cannot bring an easier one along.
 */
export function exchangeGate(hold: Pick<Hold, 'containing' | 'state' | 'origin'>, verb: 'release' | 'undo'): GateSpec {
  const { need, needLifting } = whoMay[verb] as Extract<(typeof whoMay)[typeof verb], { who: 'asks' }>;
  // Incidents cannot be closed in this version, so a containment that is lifted is always one of an open incident.
  const lifts = hold.containing && hold.state !== 'closed';
  return { ...hold.origin.spec, need: lifts ? needLifting : need };
}

export function releaseRunbook(holds: Hold[]): Runbook {
  const inputs: Record<string, InputType> = {
    runs: { type: 'list', of: 'run', max: 1000 },
    reason: { type: 'string' },
  };
  return exchangeRunbook(
    'firebreak-release',
    'Lift what is held: put back what was there before.',
    inputs,
    holds,
    'release',
    'holds',
  );
}

export function undoRunbook(holds: Hold[]): Runbook {
  const inputs: Record<string, InputType> = {
    run: { type: 'run' },
    step: { type: 'string', optional: true },
    reason: { type: 'string' },
  };
  return exchangeRunbook('firebreak-undo', 'Undo what a run changed, newest first.', inputs, holds, 'undo', 'outcomes');
}

/** One step for each system and gate: people decide only on what they decided on before. */
function exchangeRunbook(
  name: string,
  summary: string,
  inputs: Record<string, InputType>,
  holds: Hold[],
  verb: 'release' | 'undo',
  of: 'holds' | 'outcomes',
): Runbook {
  const groups = exchangeGroups(holds, verb);
  return {
    language: 1,
    name,
    version: 1,
    summary,
    inputs,
    gates: Object.fromEntries(groups.map((group) => [group.gate, group.spec])),
    steps: groups.map(({ id, system, gate }) => exchangeStep(id, system, gate, of)),
  };
}

export interface ExchangeGroup {
  id: string;
  system: string;
  gate: string;
  spec: GateSpec;
  holds: Hold[];
}

/** The steps that exchanging these holds takes: by system, and by whom must agree. Order-independent. */
export function exchangeGroups(holds: Hold[], verb: 'release' | 'undo'): ExchangeGroup[] {
  const groups: ExchangeGroup[] = [];
  for (const hold of holds.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))) {
    const spec = exchangeGate(hold, verb);
    const { system } = hold.target;
    const known = groups.find((group) => group.system === system && same(group.spec, spec));
    if (known !== undefined) known.holds.push(hold);
    else
      groups.push({
        id: `${verb}-${system}-${groups.length + 1}`,
        system,
        gate: `${verb}-${groups.length + 1}`,
        spec,
        holds: [hold],
      });
  }
  return groups;
}

function exchangeStep(id: string, system: string, gate: string, of: 'holds' | 'outcomes'): Step {
  return {
    id,
    phase: 'recover',
    needs: [],
    work: { kind: 'exchange', system, of },
    gate,
    batch: 100,
    timeoutMs: 10 * 60_000,
    retry: { attempts: 5, firstWaitMs: 1000 },
    onFailure: 'continue',
  };
}
