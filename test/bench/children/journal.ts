/**
 * One job of the journal's bench, in a process of its own so that its memory is its own: `append`, `export` or `verify`.
 * Arguments: the job, the folder of its files, how many events. Answers with the time of the job alone and the process's peak.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventDraft } from '../../../core/event.js';
import type { People } from '../../../core/people.js';
import { exportParts } from '../../../journal/export.js';
import { signerOf } from '../../../journal/signer.js';
import { openSqliteStore } from '../../../journal/sqlite-store.js';
import { verifyTimeline } from '../../../journal/verify.js';

/** As many as a batch of 25 targets writes at its end. */
const atOnce = 25;
const chain = 'inc-0000000000';
const run = 'run-0000000000';

const [job = '', folder = '', count = ''] = process.argv.slice(2);
const privateKey = createPrivateKey(readFileSync(join(folder, 'key.pem')));
const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
const signer = signerOf({ id: 'journal-1', privateKey });
const people: People = {
  principals: {},
  groups: {},
  responders: [],
  keys: [{ id: 'journal-1', use: 'journal', publicKey }],
};
const timeline = join(folder, 'timeline.jsonl');

const jobs: Record<string, () => Promise<void>> = {
  append: async () => {
    const store = openSqliteStore({ file: join(folder, 'journal.sqlite'), signer });
    for (let from = 0; from < Number(count); from += atOnce)
      await store.append(Array.from({ length: atOnce }, (_, index) => event(from + index)));
    await store.end();
  },
  export: async () => {
    const store = openSqliteStore({ file: join(folder, 'journal.sqlite'), signer });
    await writeFile(timeline, await exportParts(store, chain, { people, signer }));
    await store.end();
  },
  verify: async () => {
    const { ok, events, problems } = verifyTimeline(readFileSync(timeline), { people });
    if (!ok || events !== Number(count)) throw new Error(`verified ${events} events: ${JSON.stringify(problems[0])}`);
  },
};

/** Of the three that a changed target leaves, the largest. */
function event(index: number): EventDraft {
  const target = { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: `eni-${index}` };
  return {
    chain,
    id: `${run}/isolate/1a2b3c4d-7/aws:eu-west-1:network-interface:eni-${index}#groups/settled/0a1b2c3d`,
    run,
    occurredAt: '2026-01-01T00:00:00.000Z',
    actor: 'executor:aws',
    action: 'change.settled',
    step: 'isolate',
    target,
    outcome: 'applied',
    data: {
      unit: 'aws.isolate-instance@1',
      aspect: 'groups',
      shown: 'probed',
      before: { groups: [`sg-${index}`, 'sg-0123456789abcdef0'] },
      after: { groups: ['tag:firebreak:quarantine'] },
      observed: { groups: ['sg-0fedcba9876543210'] },
      hold: `hold-${String(index).padStart(10, '0')}`,
      attempt: 1,
    },
  };
}

const startedMs = performance.now();
const work = jobs[job];
if (work === undefined) throw new Error(`there is no job "${job}"`);
await work();
process.send?.({ ms: performance.now() - startedMs, mb: process.resourceUsage().maxRSS / 1024 });
