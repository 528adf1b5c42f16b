// Updates as whoever reaches Temporal can send them, past the gateway, to a real run that waits at its gate: each is refused with a
// code, none counts, and afterwards the run still takes the word of who may decide.
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { Json } from '../../core/json.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';
import { fuzz, tell } from './support/fuzz.js';
import { damagedValues } from './support/json-texts.js';
import { casesOf, scaleOf } from './support/scale.js';
import { strangeValue } from './support/values.js';

/** A word to a run takes some ten milliseconds, so the short scale says fewer. */
const updates = scaleOf() === 'full' ? casesOf.full : 800;
/** Sent at once; the server lets no more than ten of a run be under way. */
const atOnce = 8;

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({});
}, 120_000);

afterAll(() => at.stop());

test('Updates of a run', async () => {
  const [instance = ''] = at.world.seeded.instances;
  const { run } = await at.launch('alice', { instances: [instance], reason: 'a reason long enough' });
  const about = (await at.asking(run)).asks[0]?.about;
  if (about === undefined) throw new Error('nothing asks');
  const handle = at.client.workflow.getHandle(run);
  // Signed as something else: bob has said none of them, harmed or not.
  const forged = (['approve', 'deny', 'withdraw'] as const).map(
    (verb) => ({ ...at.statement('bob', verb, about), nonce: 'another' }) as unknown as Json,
  );
  const outcomes = new Map<string, number>();
  const say = async (value: Json): Promise<void> => {
    const code = await handle.executeUpdate('state', { args: [value] }).then(
      () => 'counts',
      (error: unknown) => codeOfUpdate(error),
    );
    outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
    expect(code, JSON.stringify(value)).not.toBe('counts');
  };
  await fuzz({
    name: `Updates, ${atOnce} at once to a real run`,
    waits: true,
    cases: Math.ceil(updates / atOnce),
    of: fc.array(fc.oneof({ weight: 9, arbitrary: damagedValues(forged) }, { weight: 1, arbitrary: strangeValue }), {
      minLength: atOnce,
      maxLength: atOnce,
    }),
    reaches: ['answered'],
    run: async (values) => {
      await Promise.all(values.map(say));
      return 'answered';
    },
  });
  const all = [...outcomes].toSorted(([, a], [, b]) => b - a).map(([code, count]) => `${count} ${code}`);
  tell(`Updates to ${run}: ${[...outcomes.values()].reduce((sum, count) => sum + count, 0)}, ${all.join(', ')}`);
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['statement.malformed', 'proof.signature-wrong']));
  expect((await at.say('carol', { verb: 'deny', run, reason: 'the wrong host' })).outcome).toMatch(/denied/);
});

/** The code of the refusal; an answer that is none goes on its way. */
function codeOfUpdate(error: unknown): string {
  const type = error instanceof WorkflowUpdateFailedError ? (error.cause as { type?: unknown }).type : undefined;
  if (typeof type === 'string' && /^[a-z]+\.[a-z-]+$/.test(type)) return type;
  throw error;
}
