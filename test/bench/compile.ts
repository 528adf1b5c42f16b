/** The edge where YAML is read: a runbook as long as there may be, and a folder of many. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { units } from '../../activities/index.js';
import { catalogOf } from '../../compiler/catalog.js';
import { compileRunbook } from '../../compiler/compile.js';
import { built } from '../../worker/project.js';
import type { Figure } from './figure.js';
import { median } from './median.js';

const steps = 1_000;
const runbooks = 100;

export async function benchCompile(short: boolean): Promise<Figure[]> {
  return [compileLong(short ? 5 : 15), validateMany(short ? 3 : 7)];
}

function compileLong(times: number): Figure {
  const text = runbook('long', steps);
  const catalog = catalogOf(units);
  const taken = Array.from({ length: times + 2 }, () => {
    const startedMs = performance.now();
    const { runbook: compiled, problems } = compileRunbook({ file: 'long.yaml', text, catalog });
    if (compiled?.steps.length !== steps) throw new Error(`it does not compile: ${problems[0]?.message}`);
    return performance.now() - startedMs;
  });
  return {
    name: `runbook of ${steps} steps compiled`,
    ran: `${Math.round(text.length / 1024)} KB of YAML; median of ${times} in a warm process, the first took ${taken[0]?.toFixed(0)} ms`,
    value: median(taken.slice(2)),
    unit: 'ms',
    target: 100,
    noisy: true,
  };
}

function validateMany(times: number): Figure {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-bench-'));
  try {
    const files = Array.from({ length: runbooks }, (_, index) => join(folder, `runbook-${index}.yaml`));
    for (const [index, file] of files.entries()) writeFileSync(file, runbook(`runbook-${index}`, 10));
    const taken = Array.from({ length: times }, () => {
      const startedMs = performance.now();
      execFileSync(process.execPath, [built('cli', 'main.js'), 'validate', ...files], { stdio: 'ignore' });
      return (performance.now() - startedMs) / 1000;
    });
    return {
      name: `validate of ${runbooks} runbooks`,
      ran: `ten steps each; median of ${times} starts of the command`,
      value: median(taken),
      unit: 's',
      target: 1.5,
      noisy: true,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runbook(name: string, count: number): string {
  const list = Array.from(
    { length: count },
    (_, index) => `  - id: step-${index + 1}
    phase: contain
    uses: ${index % 2 === 0 ? 'aws.make-quarantine-group@1' : 'aws.isolate-instance@1'}
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    gate: containment
`,
  );
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: ${name}, version: 1, summary: Isolate again and again. }
inputs:
  instances: { type: list, of: aws-instance, max: 500 }
  reason: { type: string, min: 5 }
gates:
  containment: { need: 1, from: [security-oncall, platform-leads], within: 15m }
steps:
${list.join('')}`;
}
