// What the supervisor is for: the same process killed again and again, and each of them at an unlucky moment.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Processes, startProcesses } from '../support/processes.js';
import { brokenCards } from './support/cards.js';
import { type Disturbance, killInsideAgain, nothing } from './support/disturbances.js';
import { runWith } from './support/main-job.js';
import { scaleOf } from './support/scale.js';
import { tell } from './support/tell.js';

const times = scaleOf() === 'full' ? 20 : 3;
const limitMs = 15 * 60_000;

let at: Processes;

beforeAll(async () => {
  at = await startProcesses();
}, 5 * 60_000);

afterAll(() => at.stop());

async function holdsThrough(disturbance: Disturbance): Promise<string> {
  const startedMs = Date.now();
  const { run, struck, broken } = await runWith(at, disturbance);
  tell(
    `${disturbance.name}: ${broken.length === 0 ? 'holds' : broken.join('; ')}, ${Math.round((Date.now() - startedMs) / 1000)} s`,
  );
  expect(broken).toEqual([]);
  expect(struck).toBe(true);
  return run;
}

test(
  'a run whose worker is killed again and again while it waits at its gate completes',
  async () => {
    const before = at.kills.length;
    const atGate = async (): Promise<void> => {
      for (let count = 0; count < times; count += 1) await at.kill('worker');
    };
    await holdsThrough({ ...nothing, name: `worker killed ${times} times in a row at the gate`, atGate });
    expect(at.kills.length - before).toBe(times);
  },
  limitMs,
);

test(
  'a run whose worker is killed again and again inside its activities completes',
  async () => {
    const before = at.kills.length;
    await holdsThrough(killInsideAgain(times));
    expect(at.kills.length - before).toBe(times);
  },
  limitMs,
);

test(
  'with Slack down and the gateway killed meanwhile, each card is there once and current when Slack is back',
  async () => {
    const { faults, calls } = at.world.slack;
    const before = at.kills.length;
    const run = await holdsThrough({
      name: 'Slack down, gateway killed three times',
      begin: () => {
        faults.down = 'cut';
        return async () => at.kills.length - before === 3;
      },
      atGate: async () => {
        await at.serves('gateway', await at.kill('gateway'));
      },
      // Slack being away, both agree through the API.
      agree: async (_, asked) => {
        await at.say('bob', { verb: 'approve', run: asked });
        await at.kill('gateway');
        await at.say('carol', { verb: 'approve', run: asked });
        faults.down = 'error';
        await at.kill('gateway');
      },
    });
    expect(at.cards(`status:${run}`)).toEqual([]);
    faults.down = false;
    // The first post takes effect, its answer never comes, and the gateway dies before it can look again.
    faults.dropAnswers['chat.postMessage'] = 1;
    const from = calls.length;
    while (!calls.slice(from).some(({ method, outcome }) => method === 'chat.postMessage' && outcome === 'ok'))
      await sleep(20);
    await at.kill('gateway');
    expect(await brokenCards(at, run)).toEqual([]);
  },
  limitMs,
);

test(
  'with Temporal killed while a word is on its way, the word counts once and the run completes',
  async () => {
    const before = at.kills.length;
    const disturbed = await holdsThrough({
      name: 'Temporal killed before, at and after each word, and inside an activity',
      begin: () => {
        const remove = at.world.aws.shim.faults.add({
          kind: 'latency',
          ms: 1_500,
          action: 'ModifyNetworkInterfaceAttribute',
          nth: 2,
        });
        return async () => {
          remove();
          return at.kills.length - before === 3;
        };
      },
      agree: async (_, run) => {
        await at.kill('temporal');
        // Nobody is there to hear it: kept, and delivered when Temporal is back.
        await at.say('bob', { verb: 'approve', run });
        const saying = at.say('carol', { verb: 'approve', run });
        await at.kill('temporal');
        await saying;
        const { faults } = at.world.aws.shim;
        while (!faults.list().some(({ hits }) => hits > 0)) await sleep(10);
        await at.kill('temporal');
      },
    });
    const heard = (await at.events(disturbed)).filter(({ action }) => action === 'statement.attempted');
    expect(heard.map(({ actor }) => actor)).toEqual(['bob', 'carol']);
  },
  limitMs,
);

test(
  'whatever was killed, each run of these tests has one of each card',
  async () => {
    const broken: string[] = [];
    for (const { run } of await at.store.runs()) broken.push(...(await brokenCards(at, run)));
    expect(broken).toEqual([]);
    tell(`again and again: ${at.kills.length} kills in all`);
  },
  limitMs,
);
