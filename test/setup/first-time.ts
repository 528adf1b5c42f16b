/**
 * What takes long is done before the first test, where no test's time limit counts it: the build, and what is kept in the cache.
 * What tests leave in their temporary folders goes with the last one.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareMoto } from '../../sandbox/aws/moto.js';
import { projectRoot } from '../../worker/project.js';
import { findTemporal } from '../../worker/temporal-executable.js';

export default async function firstTime(): Promise<() => void> {
  // Processes and workflows run from `dist/`; a test against yesterday's would show nothing.
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: projectRoot, stdio: 'inherit' });
  await Promise.all([findTemporal(), prepareMoto()]);
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-tests-'));
  // PostgreSQL refuses to run as root, and then runs as somebody who must come through.
  chmodSync(folder, 0o711);
  process.env['TMPDIR'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
