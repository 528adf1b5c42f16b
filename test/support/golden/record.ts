/** Plays the stories on real Temporal and the AWS emulator, and keeps the histories of what they started. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import proto from '@temporalio/proto';
import { projectRoot } from '../../../worker/project.js';
import { containmentId } from '../../../core/queues.js';
import { startInstallation, type TestInstallation } from '../installation.js';
import { goldenFolder, type StoredHistory, wordsOf } from './histories.js';
import type { Flagship } from './play.js';
import { flagships } from './stories.js';

const { History } = proto.temporal.api.history.v1;

/** `language` of the runbooks that are recorded. */
const language = 1;

/** In place of those of this release; others are never touched. Without names, all flagships. Gives the files. */
export async function record(release: string, names: string[], tell: (line: string) => void): Promise<string[]> {
  const unknown = names.filter((name) => !flagships.some((flagship) => flagship.name === name));
  if (unknown.length > 0)
    throw new Error(
      `No flagship is called ${unknown.join(', ')}; there are ${flagships.map(({ name }) => name).join(', ')}.`,
    );
  const files: string[] = [];
  for (const flagship of flagships.filter(({ name }) => names.length === 0 || names.includes(name)))
    files.push(...(await recordFlagship(flagship, release, tell)));
  return files;
}

async function recordFlagship(
  { name, options, stories }: Flagship,
  release: string,
  tell: (line: string) => void,
): Promise<string[]> {
  const folder = join(goldenFolder, String(language), name, release);
  const at = await startInstallation(options);
  try {
    const kept: [string, string][] = [];
    for (const [story, play] of Object.entries(stories)) {
      tell(`${name}: ${story}`);
      for (const [part, run] of Object.entries(await play(at)))
        for (const id of [run, containmentId(run)])
          kept.push(...(await historiesOf(at, id, [story, part, ...(id === run ? [] : ['containment'])].join('.'))));
    }
    for (const [file, text] of kept) refuseTraces(file, text, at);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of kept) writeFileSync(join(folder, file), gzipSync(text, { level: 9 }));
    return kept.map(([file]) => join(folder, file));
  } finally {
    await at.stop();
  }
}

/** Each run of the chain in a file of its own, the first first. */
async function historiesOf({ client }: TestInstallation, id: string, name: string): Promise<[string, string][]> {
  const runs: { runId: string; startTime: Date }[] = [];
  for await (const run of client.workflow.list({ query: `WorkflowId = "${id}"` })) runs.push(run);
  runs.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  const texts: [string, string][] = [];
  for (const [nth, { runId }] of runs.entries()) {
    const history = await client.workflow.getHandle(id, runId).fetchHistory();
    const suffix = runs.length === 1 ? '' : `.${nth + 1}`;
    const plain = History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String });
    const document: StoredHistory = { workflowId: `${id}${suffix}`, history: withoutTraces(plain) as object };
    texts.push([`${name}${suffix}.json.gz`, JSON.stringify(document)]);
  }
  return texts;
}

/** Which process did it, and where its code lay: nothing that a replay looks at. */
function withoutTraces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTraces);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, of]): [string, unknown] => {
    if (key === 'identity') return [key, 'worker'];
    if (key === 'stackTrace') return [key, ''];
    if (key === 'encodedAttributes') return [key, withoutStack(of as { data: string })];
    if (key === 'taskQueue' && isSticky(of)) return [key, { ...of, name: 'sticky' }];
    return [key, withoutTraces(of)];
  });
  return Object.fromEntries(entries);
}

/** Where the failure converter puts the message and the stack of a failure. */
function withoutStack(payload: { data: string }): object {
  const { message } = JSON.parse(Buffer.from(payload.data, 'base64').toString('utf8')) as { message: string };
  return { ...payload, data: Buffer.from(JSON.stringify({ message, stack_trace: '' })).toString('base64') };
}

function isSticky(queue: unknown): queue is object {
  return typeof queue === 'object' && queue !== null && 'kind' in queue && String(queue.kind).endsWith('STICKY');
}

/** A recording goes into the repository. */
function refuseTraces(file: string, text: string, at: TestInstallation): void {
  const all = wordsOf(JSON.parse(text) as object);
  const forbidden = {
    'the folder of the project': projectRoot,
    'the folder of the workspace': at.root,
    'an AWS key': at.world.credentials.accessKeyId,
    'an AWS secret': at.world.credentials.secretAccessKey,
    'a token of Slack': at.world.slack.botToken,
    "Slack's secret": at.world.slack.signingSecret,
    // A short one may be part of any word, but whoever names a worker writes it so.
    'the name of this machine': `@${hostname()}`,
  };
  for (const [what, word] of Object.entries(forbidden))
    if (all.includes(word)) throw new Error(`${file} holds ${what}, "${word}": it is not kept.`);
}
