/**
 * `npm run golden` follows the recorded histories with this build; `npm run golden -- --record` records those of this release
 * anew, `-- --record aws-host-compromise` only those of the flagships that are named.
 */
import { readFileSync, statSync } from 'node:fs';
import { dataConverterOf } from '../../../worker/data-converter.js';
import { noPayloadKeys } from '../../../worker/payload-keys.js';
import { openLog } from '../../../worker/log.js';
import { installRuntime } from '../../../worker/runtime.js';
import { built } from '../../../worker/project.js';
import { buildId } from '../../../worker/build-id.js';
import { goldenHistories, notFollowed, whatToDo } from './histories.js';
import { record } from './record.js';

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

const [verb, ...names] = process.argv.slice(2);
if (verb !== undefined && verb !== '--record')
  throw new Error(`It takes --record and names of flagships, not ${verb}.`);
if (verb === '--record') {
  const [release = ''] = buildId().split('-');
  const files = await record(release, names, tell);
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  tell(`${files.length} histories of ${release}, ${Math.round(bytes / 1024)} KiB`);
}
// Recording has installations of its own, each of which installs it; now it is free again.
installRuntime(openLog({ process: 'golden', known: new Set() }));
const histories = goldenHistories();
const code = readFileSync(built('workflow-bundle.js'), 'utf8');
const bad = await notFollowed(code, histories, dataConverterOf(noPayloadKeys));
for (const [name, why] of Object.entries(bad)) tell(`NO ${name}: ${why}`);
tell(
  `${histories.length - Object.keys(bad).length} of ${histories.length} recorded histories can be followed by this build`,
);
if (Object.keys(bad).length > 0) tell(whatToDo);
process.exitCode = Object.keys(bad).length > 0 || histories.length === 0 ? 1 : 0;
