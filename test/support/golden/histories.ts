/**
 * Recorded histories of runs and containments, under `test/golden/LANGUAGE/FLAGSHIP/RELEASE/`: what a worker that goes on with them
 * must be able to follow. Nothing of the machine that recorded them is in them, and no secret.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { DataConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { projectRoot } from '../../../worker/project.js';

const { History } = proto.temporal.api.history.v1;

export const goldenFolder = join(projectRoot, 'test', 'golden');

/** For whoever changed a workflow so that a history is not followed any more. */
export const whatToDo = `With this build, runs and containments that are under way would stop. Keep the old way for them:
- what a workflow does otherwise stands behind patched('name') from @temporalio/workflow;
- what a runbook means otherwise belongs to a new language version (\`language\` in core/runbook.ts), and is asked by that;
- only where no release has these histories yet, record them anew: npm run golden -- --record
docs/upgrading.md says more.`;

/** What a file holds: JSON as protocol buffers of Temporal are written, with numbers of 64 bits as texts. */
export interface StoredHistory {
  workflowId: string;
  history: object;
}

export interface Golden {
  /** Its file, below the folder. */
  name: string;
  workflowId: string;
  history: proto.temporal.api.history.v1.IHistory;
}

export function goldenHistories(): Golden[] {
  const files = readdirSync(goldenFolder, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.json.gz'))
    .map((file) => join(file.parentPath, file.name).slice(goldenFolder.length + 1))
    .toSorted()
    .map((name) => {
      const text = gunzipSync(readFileSync(join(goldenFolder, name))).toString('utf8');
      const { workflowId, history } = JSON.parse(text) as StoredHistory;
      return { name, workflowId, history: History.fromObject(history) };
    });
}

/** The text of a history with what its payloads say, for payloads are base64. */
export function wordsOf(history: object): string {
  const text = JSON.stringify(history);
  const payloads = [...text.matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64'),
  );
  return [text, ...payloads.map((data) => data.toString('utf8'))].join(' ');
}

/** The histories that a build cannot follow, by name, each with why. */
export async function notFollowed(
  code: string,
  histories: Golden[],
  dataConverter: DataConverter,
): Promise<Record<string, string>> {
  const bad: Record<string, string> = {};
  const named = new Map(histories.map((golden) => [golden.workflowId, golden]));
  if (named.size !== histories.length) throw new Error('Two golden histories have one id.');
  const results = Worker.runReplayHistories({ workflowBundle: { code }, dataConverter }, histories);
  for await (const { workflowId, error } of results)
    if (error !== undefined) bad[named.get(workflowId)?.name ?? workflowId] = error.message;
  return bad;
}
