// Cards stay current through kills, dropped answers and absences of Slack: one card each, and its last state.
import { afterEach, expect, test } from 'vitest';
import { askingRun, cardIn, cardsIn, openWorld, textOf, until, type World } from '../../support/slack.js';

let world: World;
afterEach(() => world.close());

const note = (run: string, incident: string, text: string) =>
  world.store.append([
    {
      chain: incident,
      id: `note-${run}-${text}`,
      run,
      occurredAt: new Date().toISOString(),
      actor: 'bob',
      action: 'note',
      statement: { reason: text } as never,
    },
  ]);

test('forty updates in two seconds become a few, and the last state is shown', async () => {
  world = await openWorld();
  world.app.start();
  const { run, incident } = await askingRun(world.store);
  const card = await cardIn(world.slack, world.store, `status:${run}`);
  for (let i = 1; i <= 40; i += 1) {
    await note(run, incident, `note number ${i}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await until('the last note', () => textOf(card).includes('note number 40.'));
  expect(card.versions.length).toBeLessThanOrEqual(6);
  expect(world.slack.calls.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  expect(cardsIn(world.slack, `status:${run}`)).toHaveLength(1);
});

test('what people must decide is posted before what they may read', async () => {
  world = await openWorld();
  const { run, ask } = await askingRun(world.store);
  world.app.start();
  await cardIn(world.slack, world.store, `status:${run}`);
  expect(world.slack.messages().map(({ versions }) => versions[0]?.metadata?.event_payload['key'])).toEqual([
    `ask:${run}/${ask}`,
    `status:${run}`,
  ]);
});

test('a post whose answer is lost is found again, and there is one card', async () => {
  world = await openWorld();
  world.slack.faults.dropAnswers['chat.postMessage'] = 1;
  world.app.start();
  const { run, ask } = await askingRun(world.store);
  await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  await cardIn(world.slack, world.store, `status:${run}`);
  expect(cardsIn(world.slack, `ask:${run}/${ask}`)).toHaveLength(1);
  expect(world.slack.faults.dropAnswers['chat.postMessage']).toBe(0);
});

test('a gateway that was killed between the post and its record finds its card at the next start', async () => {
  world = await openWorld();
  world.app.start();
  const { run, ask } = await askingRun(world.store);
  const card = await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  await until('the cursor', async () => (await world.store.cursor('cards')) > 0);
  await world.app.stop();
  // As the kill would leave it: the row says posting, and the cursor is before the event.
  await world.store.putCard({ key: `ask:${run}/${ask}`, channel: card.channel, state: 'posting' });
  await world.store.setCursor('cards', 0);
  await world.restart();
  await until('the record', async () => (await world.store.card(`ask:${run}/${ask}`))?.ts === card.ts);
  await cardIn(world.slack, world.store, `status:${run}`);
  expect(cardsIn(world.slack, `ask:${run}/${ask}`)).toHaveLength(1);
  expect(cardsIn(world.slack, `status:${run}`)).toHaveLength(1);
});

test('a message of another app that carries the key of a card is not taken for it', async () => {
  world = await openWorld();
  const { run, ask } = await askingRun(world.store);
  await world.store.putCard({ key: `ask:${run}/${ask}`, channel: world.slack.channel, state: 'posting' });
  const own = world.slack.state.app.botId;
  const forged = {
    channel: world.slack.channel,
    ts: `${Math.floor(Date.now() / 1000)}.000001`,
    versions: [
      {
        atMs: Date.now(),
        text: 'forged',
        blocks: [],
        metadata: { event_type: 'firebreak_card', event_payload: { key: `ask:${run}/${ask}` } },
      },
    ],
  };
  world.slack.state.messages.push(forged);
  world.slack.state.app.botId = 'B0OTHER';
  world.app.start();
  const ours = await until('a card of our own', async () => (await world.store.card(`ask:${run}/${ask}`))?.ts);
  expect(cardsIn(world.slack, `ask:${run}/${ask}`).map(({ ts }) => ts)).toEqual([forged.ts, ours]);
  world.slack.state.app.botId = own;
});

test('while Slack is away nothing is lost, it is logged once, and there is one card after it', async () => {
  world = await openWorld();
  world.slack.faults.down = 'cut';
  world.app.start();
  const { run, incident, ask } = await askingRun(world.store);
  await note(run, incident, 'while it was away.');
  await until('several attempts', () => world.logged.some(({ msg }) => msg.startsWith('cards cannot be brought')));
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(await world.store.cursor('cards')).toBe(0);
  world.slack.faults.down = false;
  const card = await cardIn(world.slack, world.store, `status:${run}`);
  await until('the note', () => textOf(card).includes('while it was away.'));
  await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  expect(cardsIn(world.slack, `ask:${run}/${ask}`)).toHaveLength(1);
  expect(cardsIn(world.slack, `status:${run}`)).toHaveLength(1);
  expect(world.logged.filter(({ level }) => level >= 40).map(({ msg }) => msg)).toEqual([
    'cards cannot be brought to Slack, will go on trying',
  ]);
  expect(world.logged.filter(({ msg }) => msg === 'Slack answers again')).toHaveLength(1);
});

test('a gateway that ends while Slack is away shows everything after its next start', async () => {
  world = await openWorld();
  world.slack.faults.down = 'error';
  world.app.start();
  const { run, ask } = await askingRun(world.store);
  await until('an attempt', () => world.logged.length > 0);
  await world.restart();
  world.slack.faults.down = false;
  await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  await cardIn(world.slack, world.store, `status:${run}`);
  expect(cardsIn(world.slack, `ask:${run}/${ask}`)).toHaveLength(1);
});

test('when Slack asks to slow down, the card arrives after the time it named', async () => {
  world = await openWorld({
    pace: { spacingMs: 0, backOffMs: { first: 50, most: 200 }, settleMs: 20, followEveryMs: 20 },
  });
  world.app.start();
  const { run, ask } = await askingRun(world.store);
  await cardIn(world.slack, world.store, `status:${run}`);
  await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  const posts = world.slack.calls.filter(({ method }) => method === 'chat.postMessage');
  const limited = posts.findIndex(({ outcome }) => outcome === 'ratelimited');
  expect(limited).toBeGreaterThan(0);
  expect((posts[limited + 1]?.atMs ?? 0) - (posts[limited]?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
  expect(world.logged).toEqual([]);
});

test('a card that somebody deleted in Slack is posted anew', async () => {
  world = await openWorld();
  world.app.start();
  const { run, incident } = await askingRun(world.store);
  const card = await cardIn(world.slack, world.store, `status:${run}`);
  world.slack.state.messages.splice(world.slack.state.messages.indexOf(card), 1);
  await note(run, incident, 'after it was deleted.');
  const anew = await until('a new card', () => cardsIn(world.slack, `status:${run}`)[0]);
  expect(textOf(anew)).toContain('after it was deleted.');
  expect(world.logged.map(({ msg }) => msg)).toEqual(['a card is gone from Slack, a new one is posted']);
});

test('a post that Slack carries out only after we gave up on it is found, and there is one card', async () => {
  world = await openWorld({ pace: { spacingMs: 1_050, settleMs: 1_000, followEveryMs: 20 } });
  world.slack.faults.delayMs = 5_400;
  world.app.start();
  const { run, ask } = await askingRun(world.store);
  await until('the post', () => world.logged.length > 0);
  expect(world.slack.messages()).toEqual([]);
  world.slack.faults.delayMs = 0;
  await cardIn(world.slack, world.store, `status:${run}`);
  expect(cardsIn(world.slack, `ask:${run}/${ask}`)).toHaveLength(1);
}, 15_000);

test('a card whose content cannot be made holds no other card back', async () => {
  world = await openWorld();
  const { run, ask } = await askingRun(world.store);
  world.door.plan = () => Promise.reject(new Error('the plan is not in the store'));
  world.app.start();
  await cardIn(world.slack, world.store, `status:${run}`);
  expect(cardsIn(world.slack, `ask:${run}/${ask}`)).toEqual([]);
  expect(world.logged.map(({ msg }) => msg)).toEqual(['a card cannot be shown, will go on trying']);
  expect(await world.store.cursor('cards')).toBeLessThan((await world.store.follow(0, 10)).at(-1)?.position ?? 0);
});

test('the cursor passes only what Slack has taken, and a restart posts and changes nothing again', async () => {
  world = await openWorld();
  world.app.start();
  const { run, ask } = await askingRun(world.store);
  await cardIn(world.slack, world.store, `status:${run}`);
  await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  const last = (await world.store.follow(0, 100)).at(-1)?.position ?? 0;
  await until('the cursor', async () => (await world.store.cursor('cards')) === last);
  await world.store.setCursor('cards', 0);
  const before = world.slack.calls.length;
  await world.restart();
  await until('the cursor again', async () => (await world.store.cursor('cards')) === last);
  expect(world.slack.calls).toHaveLength(before);
});

test('a run that ended days ago gets no card when Slack is connected later', async () => {
  world = await openWorld({ now: () => Date.now() + 3 * 24 * 60 * 60_000 });
  const { run, incident } = await askingRun(world.store);
  await world.store.append([
    {
      chain: incident,
      id: `done-${run}`,
      run,
      occurredAt: new Date().toISOString(),
      actor: 'engine',
      action: 'run.done',
    },
  ]);
  world.app.start();
  await until('the cursor', async () => (await world.store.cursor('cards')) > 0);
  expect(world.slack.messages()).toEqual([]);
});

test('two runs that ask at gates of the same name at the same time have a card each', async () => {
  world = await openWorld();
  const runs = [await askingRun(world.store), await askingRun(world.store)];
  world.app.start();
  for (const { run, ask } of runs) {
    const card = await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
    expect(JSON.stringify(card.versions.at(-1)?.blocks)).toContain(run);
  }
  expect(new Set(runs.map(({ ask }) => ask)).size).toBe(1);
});
