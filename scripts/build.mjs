/**
 * Builds `dist/`: the same tree compiled, what is read at run time beside it, and the bundle that workflows run from.
 * Made beside the old one and put in its place at the end, so that what runs from `dist/` never finds half of it. What it says
 * goes to stderr, so that a command after it can print JSON.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folders = [
  'compiler',
  'core',
  'workflows',
  'activities',
  'journal',
  'gateway',
  'cli',
  'worker',
  'sandbox',
  'test/bench',
  'test/support',
];
/** What a worker runs: a change of any of it is another version of the worker, wherever it is built. */
const ofWorkers = ['compiler', 'core', 'workflows', 'activities', 'journal', 'worker'];
const settings = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];

const startedMs = performance.now();
const files = folders
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap(filesUnder)
  .toSorted();
const print = fingerprint([...files, ...settings]);
if (current() === print) {
  console.error(`build: dist/ is up to date (${seconds(startedMs)})`);
} else {
  const next = join(root, `dist.${process.pid}`);
  try {
    await build(next);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

async function build(next) {
  const compileMs = performance.now();
  compile(next);
  const compiled = seconds(compileMs);
  for (const file of files) if (extname(file) !== '.ts') cpSync(join(root, file), join(next, file));
  chmodSync(join(next, 'cli/main.js'), 0o755);
  const bundleMs = performance.now();
  const bytes = await bundleWorkflows(next, 'workflows/index.js', 'workflow-bundle.js');
  await bundleWorkflows(next, 'workflows/versioned.js', 'versioned-workflow-bundle.js');
  const bundled = seconds(bundleMs);
  writeFileSync(join(next, 'build-id'), buildId());
  writeFileSync(join(next, '.build'), print);
  putInPlace(next);
  console.error(
    `build: ${files.length} files, types and code ${compiled}, workflow bundle ${bundled} (${Math.round(bytes / 1024)} KiB), in all ${seconds(startedMs)}`,
  );
}

/** Type errors fail the build; nothing is put in place. */
function compile(next) {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', next], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('build: the sources do not compile; dist/ stays as it was.');
}

async function bundleWorkflows(next, entry, as) {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(next, entry),
    failureConverterPath: join(next, 'worker/failure-converter.js'),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(join(next, as), code);
  return code.length;
}

/** `0.1.0-1a2b3c4d5e6f`: the release, and what it really is. */
function buildId() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const sources = files.filter((file) => ofWorkers.some((folder) => file.startsWith(`${folder}/`)));
  return `${version}-${digestOf(createHash('sha256'), [...sources, 'package-lock.json']).slice(0, 12)}`;
}

/** Two builds at once end with one of them in place; they are equal unless a source changed in between. */
function putInPlace(next) {
  const dist = join(root, 'dist');
  const old = join(root, `dist.${process.pid}.old`);
  for (;;) {
    if (existsSync(dist)) renameSync(dist, old);
    rmSync(old, { recursive: true, force: true });
    try {
      return renameSync(next, dist);
    } catch (error) {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    }
  }
}

function current() {
  const stamp = join(root, 'dist/.build');
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined;
}

/** Over contents, not times: a checkout changes every time and no content. */
function fingerprint(of) {
  return digestOf(createHash('sha256').update(process.version), of);
}

function digestOf(hash, of) {
  for (const file of of)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

function filesUnder(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
