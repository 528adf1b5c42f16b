/** Durations as people write them, `90s`, `15m`, `8h`, `2d`, in milliseconds; and back. */
const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * units[match[2] as keyof typeof units];
}

/** `8h`, `90s`: in the largest unit that divides it. */
export function formatDuration(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((each) => ms >= units[each] && ms % units[each] === 0);
  return unit === undefined ? `${ms}ms` : `${ms / units[unit]}${unit}`;
}
