/**
 * A process: lets Temporal's SDK download its command line into a folder, and ends. Its only door to the download is
 * starting a server with it, so one is started, which also shows that the file runs here.
 */
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [downloadDir, version] = process.argv.slice(2);
if (downloadDir === undefined || version === undefined)
  throw new Error('A folder and a version are needed (this is a bug).');

try {
  const executable = { type: 'cached-download', downloadDir, version: `v${version}`, ttl: '365d' } as const;
  const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
  await environment.teardown();
} catch (error) {
  // One line, which the parent reports; the stack says nothing about the network.
  process.stderr.write(`${reasonsOf(error).join(': ')}\n`);
  process.exitCode = 1;
}

function reasonsOf(error: unknown): string[] {
  return error instanceof Error ? [error.message.replaceAll('\n', ' '), ...reasonsOf(error.cause)] : [];
}
