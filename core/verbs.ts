/** What people can say, and who may; a literal, so that it can be read. */
export const verbs = [
  'launch',
  'plan',
  'approve',
  'deny',
  'withdraw',
  'retry',
  'pause',
  'resume',
  'skip',
  'cancel',
  'undo',
  'release',
  'extend',
  'hand-over',
  'note',
  'confirm',
  'choose',
] as const;
export type Verb = (typeof verbs)[number];

/**
 * `responder`: a responder, alone. `gate`, `step`: whoever the gate or the step names. `asks`: a request by a responder that
 * asks at the gate of the step concerned; `need` other people must agree, `needLifting` where it lifts a containment of an
 * open incident.
 */
export type Who =
  | { who: 'responder' }
  | { who: 'gate' }
  | { who: 'step' }
  | { who: 'asks'; need: number; needLifting: number };

export const whoMay: Record<Verb, Who> = {
  launch: { who: 'responder' },
  plan: { who: 'responder' },
  note: { who: 'responder' },
  retry: { who: 'responder' },
  extend: { who: 'responder' },
  /** Who is paged from now on; a responder, too. */
  'hand-over': { who: 'responder' },
  approve: { who: 'gate' },
  deny: { who: 'gate' },
  withdraw: { who: 'gate' },
  /** That a step is done which people do by hand, with the evidence that it asks for. */
  confirm: { who: 'step' },
  /** Which way a run goes on, at a step that people decide. */
  choose: { who: 'step' },
  /** Up to 15 minutes a responder pauses alone; longer asks. Nothing new begins meanwhile, and what people say counts. */
  pause: { who: 'asks', need: 1, needLifting: 1 },
  resume: { who: 'responder' },
  /** One step, with a reason; what it put in force stays. */
  skip: { who: 'asks', need: 1, needLifting: 1 },
  /** Before the first write a responder may cancel alone; afterwards it asks. It never lifts a containment. */
  cancel: { who: 'asks', need: 1, needLifting: 1 },
  undo: { who: 'asks', need: 1, needLifting: 2 },
  release: { who: 'asks', need: 1, needLifting: 2 },
};
