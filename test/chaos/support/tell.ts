/** A line of the suite's own account: what was done, how often, and for how long. */
export function tell(line: string): void {
  process.stdout.write(`chaos: ${line}\n`);
}
