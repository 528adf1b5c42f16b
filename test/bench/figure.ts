/** A figure that this project is held to, and when it is a failure. */
export interface Figure {
  name: string;
  /** What was run. */
  ran: string;
  value: number;
  unit: string;
  /** What it is compared with, measured in the same minutes by the same calls, in the same unit. */
  against?: { what: string; value: number };
  /** At most this; where it is compared with something, at most so many times that. */
  target: number;
  /** Whether it is a time, which a busy machine makes longer, or memory that no collector has come to yet; a count never changes by itself. */
  noisy: boolean;
}

/** A figure as `--json` prints it. `ratio`: to what stands in `against`, which is the target where nothing else was measured. */
export interface Printed {
  name: string;
  value: number;
  unit: string;
  against: string;
  ratio: number;
  target: string;
  met: boolean;
  ran: string;
}

/** So many times its target a noisy figure may be on any machine, however busy: what is worse than that is broken. */
const slackTimes = 10;

export function isMet(figure: Figure): boolean {
  return held(figure) <= figure.target;
}

/** On the short scale a noisy figure that misses its target by less is only told. */
export function isFailure(figure: Figure, short: boolean): boolean {
  return short && figure.noisy ? !(held(figure) <= slackTimes * figure.target) : !isMet(figure);
}

export function printed(figure: Figure): Printed {
  const { name, value, unit, against, target, ran } = figure;
  const limit = against === undefined ? `${target} ${unit}` : `${target} times`;
  return {
    name,
    value: rounded(value),
    unit,
    against: against === undefined ? `its target, ${limit}` : `${against.what}, ${rounded(against.value)} ${unit}`,
    ratio: rounded(against === undefined ? value / target : held(figure)),
    target: limit,
    met: isMet(figure),
    ran,
  };
}

/** What the target limits. */
function held({ value, against }: Figure): number {
  return against === undefined ? value : value / against.value;
}

/** Three digits say all that a measurement knows. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
