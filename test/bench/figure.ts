/** A figure that this project is held to, and when it is a failure. */
export interface Figure {
  name: string;
  /** What was run. */
  ran: string;
  value: number;
  unit: string;
  /** At most this. */
  target: number;
  /** Whether it is a time, which a busy machine makes longer; a count never changes by itself. */
  timed: boolean;
}

/** So many times its target a time may take on any machine, however busy: what is slower than that is broken. */
const slackTimes = 3;

export function isMet({ value, target }: Figure): boolean {
  return value <= target;
}

/** On the short scale a time that was missed by less is only told. */
export function isFailure(figure: Figure, short: boolean): boolean {
  const { value, target, timed } = figure;
  return short && timed ? !(value <= slackTimes * target) : !isMet(figure);
}
