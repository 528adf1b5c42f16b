/** Sums the reports that the suites wrote into a folder. Fails when a test failed, a step did, or nothing was counted. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, failedSteps] = process.argv.slice(2);
const reports = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
const sum = (of) => reports.reduce((total, report) => total + of(report), 0);

const passed = sum((report) => report.numPassedTests);
const skipped = sum((report) => report.numPendingTests + report.numTodoTests);
// A file that could not be loaded holds no failed test, but it is a failure.
const broken = sum(
  (report) =>
    report.testResults.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0)
      .length,
);
const failed = sum((report) => report.numFailedTests) + broken;

if (Number(failedSteps) > 0) console.log(`${failedSteps} of the steps above failed`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || Number(failedSteps) > 0 || passed === 0 ? 1 : 0;
