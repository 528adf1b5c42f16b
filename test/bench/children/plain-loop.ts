/**
 * Isolating hosts as a plain script would, with the very calls that the units make and as many at once as the engine: looked at,
 * then changed, read back, shown and looked at again, in batches of 25, eight batches and eight targets of each at once. It keeps
 * no record, asks nobody, and forgets everything when it is killed. Isolates whatever instances it is sent.
 */
import pLimit from 'p-limit';
import { isolateInstance } from '../../../activities/aws/isolate-instance.js';
import { makeQuarantineGroup } from '../../../activities/aws/make-quarantine-group.js';
import { openAwsWorld } from '../../../activities/aws/world.js';
import type { AnyAction, Planned } from '../../../activities/define-action.js';
import { changeKey, type Target } from '../../../core/change.js';
import { same } from '../../../core/canonical.js';
import type { Hold } from '../../../core/hold.js';
import type { Json } from '../../../core/json.js';

const batchSize = 25;
const atOnce = 8;

const [endpoint = ''] = process.argv.slice(2);
const world = openAwsWorld({
  system: 'aws',
  settings: {
    kind: 'aws',
    region: 'eu-west-1',
    endpoint,
    shownOn: 'emulator',
    credentials: { accessKeyId: { env: 'BENCH_KEY_ID' }, secretAccessKey: { env: 'BENCH_KEY' } },
  },
  readSecret: () => 'of-nobody',
  run: 'run-0000000000',
  incident: 'inc-0000000000',
  step: 'isolate',
});

/** What units read of a hold: its name, and that there is one. The group is held from the first time on, as the engine's is. */
const holds = new Map<string, Hold>();

type Change = Planned<Json> & { item: string };

async function isolate(instances: string[]): Promise<void> {
  const units: AnyAction[] = [makeQuarantineGroup, isolateInstance];
  const seen = await Promise.all(units.map((unit) => lookAt(unit, instances)));
  for (const [index, unit] of units.entries()) await settleAll(unit, instances, seen[index] ?? []);
}

async function lookAt(unit: AnyAction, instances: string[]): Promise<Change[]> {
  const limit = pLimit(atOnce);
  const found = await Promise.all(
    instances.map((item) =>
      limit(async () => {
        const planned: Planned<Json>[] = await unit.plan({ instance: item }, world);
        await Promise.all(planned.map(({ target }) => unit.read(target, holds.get(keyOf(unit, target)), world)));
        return planned.map((each) => ({ ...each, item }));
      }),
    ),
  );
  return [
    ...new Map(
      found
        .flat()
        .toReversed()
        .map((each) => [keyOf(unit, each.target), each]),
    ).values(),
  ].toReversed();
}

async function settleAll(unit: AnyAction, instances: string[], changes: Change[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(instances.length / batchSize) }, (_, index) =>
    instances.slice(index * batchSize, (index + 1) * batchSize),
  );
  const limit = pLimit(atOnce);
  await Promise.all(
    batches.map((batch) =>
      limit(async () => {
        const within = pLimit(atOnce);
        const mine = changes.filter(({ item }) => batch.includes(item));
        await Promise.all(mine.map((change) => within(() => settle(unit, change))));
        const done = new Set(mine.map(({ target }) => keyOf(unit, target)));
        // What another batch has done for this one, such as the group that many hosts share, is looked at, too.
        const others = (await lookAt(unit, batch)).filter(({ target }) => !done.has(keyOf(unit, target)));
        await Promise.all(others.map((change) => within(() => settle(unit, change))));
      }),
    ),
  );
}

async function settle(unit: AnyAction, { item, target, after }: Change): Promise<void> {
  const key = keyOf(unit, target);
  const now = await unit.read(target, holds.get(key), world);
  if (!same(now.state, after)) {
    const hold = { id: `hold-${holds.size}` } as Hold;
    holds.set(key, hold);
    await unit.write(target, after, hold, world);
    const back = await unit.read(target, hold, world);
    if (!same(back.state, after)) throw new Error(`${target.id} does not read back`);
  }
  const shown = await unit.probe?.(target, after, world, { instance: item });
  if (shown?.shown === false) throw new Error(`${target.id} is not shown: ${shown.basis}`);
}

function keyOf({ aspect }: AnyAction, target: Target): string {
  return changeKey({ target, aspect });
}

process.on('message', (instances: string[]) => {
  const startedMs = performance.now();
  isolate(instances).then(
    () => process.send?.({ ms: performance.now() - startedMs }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
