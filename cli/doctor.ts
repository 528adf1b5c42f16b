/** `doctor`: everything that Firebreak needs, asked one by one and at the same time; each failure or warning with what to do. */
import { exitCodes, type ExitCode } from './exit-codes.js';
import { checks, type Finding } from './doctor-checks.js';
import type { Call } from './perform.js';
import { table } from './table.js';

export async function doctor({ out }: Call): Promise<ExitCode> {
  const findings = await Promise.all(checks().map(({ name, check }) => run(name, check)));
  const bad = findings.filter(({ ok }) => !ok);
  out.answer({ ok: bad.length === 0, findings }, [
    ...table(
      ['', 'CHECK', 'SAYS'],
      findings.map(({ ok, name, says, nextStep }) => [
        ok ? (nextStep === undefined ? 'ok' : 'warn') : 'NO',
        name,
        says,
      ]),
    ),
    '',
    ...(bad.length === 0 ? ['Everything that Firebreak needs is there.'] : []),
    ...findings.flatMap(({ name, nextStep }) => (nextStep === undefined ? [] : [`${name}: Next: ${nextStep}`])),
  ]);
  if (bad.length === 0) return exitCodes.done;
  return bad.some(({ reach }) => reach) ? exitCodes.unreachable : exitCodes.failed;
}

export interface Named extends Finding {
  name: string;
}

/** For one check, in milliseconds; what hangs is a finding too. */
const checkMs = 8_000;

async function run(name: string, check: () => Promise<Finding>): Promise<Named> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(
      () =>
        resolve({
          ok: false,
          reach: true,
          says: `no answer within ${checkMs / 1000} s`,
          nextStep: 'see why it hangs.',
        }),
      checkMs,
    );
  });
  try {
    return { name, ...(await Promise.race([check(), late])) };
  } finally {
    clearTimeout(timer);
  }
}
