/** What harm a change can do, and the least gate that follows; from the registry, never from the runbook or the caller. */
export const risks = ['read', 'low', 'disruptive', 'irreversible'] as const;
export type Risk = (typeof risks)[number];

/** Other people than the requester who must agree, and how many of them with a key of their own. */
export const leastGate: Record<Risk, { need: number; personalKeys: number }> = {
  read: { need: 0, personalKeys: 0 },
  low: { need: 1, personalKeys: 0 },
  disruptive: { need: 1, personalKeys: 0 },
  irreversible: { need: 2, personalKeys: 1 },
};

/**
 * Whoever holds the secret of a hook could launch through it and then agree alone: where a service launched, one more person
 * agrees, so that two pairs of hands are needed as always.
 */
export function leastGateOf(risk: Risk, byService: boolean): { need: number; personalKeys: number } {
  const { need, personalKeys } = leastGate[risk];
  return { need: byService && need > 0 ? need + 1 : need, personalKeys };
}

/** Sorts what does most harm, and so matters most, to the front. */
export function worstFirst(a: Risk, b: Risk): number {
  return risks.indexOf(b) - risks.indexOf(a);
}

/** The worst of several risks; `read` when there are none. */
export function worst(of: Risk[]): Risk {
  return of.reduce<Risk>((a, b) => (risks.indexOf(b) > risks.indexOf(a) ? b : a), 'read');
}
