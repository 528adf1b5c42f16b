/** What takes long is done before the first test, where no test's time limit counts it: the build, and what is kept in the cache. */
import { execFileSync } from 'node:child_process';
import { prepareMoto } from '../../sandbox/aws/moto.js';
import { projectRoot } from '../../worker/project.js';
import { findTemporal } from '../../worker/temporal-executable.js';

export default async function firstTime(): Promise<void> {
  // Processes and workflows run from `dist/`; a test against yesterday's would show nothing.
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: projectRoot, stdio: 'inherit' });
  await Promise.all([findTemporal(), prepareMoto()]);
}
