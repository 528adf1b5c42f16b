// Who may speak through Slack: an active full member of this workspace whom people.yaml knows, and whom Slack vouches for at the click.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sandboxUsers } from '../../../sandbox/slack/server.js';
import type { SandboxUser } from '../../../sandbox/slack/state.js';
import { approveAction } from '../../../gateway/slack/ask-card.js';
import { shortDigest } from '../../../gateway/slack/cards.js';
import { account, askingRun, cardIn, openWorld, type World } from '../../support/slack.js';

let world: World;
beforeEach(async () => {
  world = await openWorld({ users: structuredClone(sandboxUsers) });
  world.app.start();
});
afterEach(() => world.close());

/** Bob clicks Approve; returns what he is shown. */
async function bobApproves(): Promise<string> {
  const { run, ask } = await askingRun(world.store);
  const card = await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  const seen = await world.slack.user(account.bob).click(card, approveAction);
  return (await seen.next()).text;
}

test.each<[string, Partial<SandboxUser>, string]>([
  ['deactivated', { deleted: true }, 'was deactivated'],
  ['a bot', { isBot: true }, 'is a bot'],
  ['a guest', { isRestricted: true }, 'is a guest'],
  ['a guest of one channel', { isUltraRestricted: true }, 'is a guest'],
  ['a stranger', { isStranger: true }, 'from outside this workspace'],
])('an account that is %s cannot approve, and the attempt is on the record', async (_what, patch, says) => {
  Object.assign(world.slack.state.users.get(account.bob) as SandboxUser, patch);
  expect(await bobApproves()).toContain(says);
  expect(world.door.statements).toHaveLength(0);
  const refused = (await world.store.follow(0, 100))
    .map(({ event }) => event)
    .filter(({ action }) => action === 'statement.refused');
  expect(refused).toMatchObject([{ actor: 'gateway', data: { verb: 'approve', slack: { user: account.bob } } }]);
});

test('an account of another workspace cannot approve, whatever its user id', async () => {
  (world.slack.state.users.get(account.bob) as SandboxUser).team = 'T0OTHER';
  expect(await bobApproves()).toContain('belongs to another workspace');
  expect(world.door.statements).toHaveLength(0);
});

test('an account that Slack places in another workspace than the request does is refused', async () => {
  const { run, ask } = await askingRun(world.store);
  const card = await cardIn(world.slack, world.store, `ask:${run}/${ask}`);
  const bob = world.slack.state.users.get(account.bob) as SandboxUser;
  const clicking = world.slack.user(account.bob).click(card, approveAction);
  bob.team = 'T0OTHER'; // after the payload was made, before users.info is answered
  expect((await (await clicking).next()).text).toContain('from outside this workspace');
});

test('an account that people.yaml does not name, or names twice, cannot approve', async () => {
  world.slack.state.users.set('U0EVE', { id: 'U0EVE', name: 'eve', team: world.settings.team });
  const { run } = await askingRun(world.store);
  const eve = await world.slack.user('U0EVE').slash(`approve ${run}`);
  expect(eve.messages()[0]?.text).toContain('No single principal');
  const { carol } = world.people.principals;
  carol?.slack.push({ team: world.settings.team, user: account.bob });
  expect(await bobApproves()).toContain('No single principal');
  expect(world.door.statements).toHaveLength(0);
});

test('a principal who was revoked cannot approve', async () => {
  const { bob } = world.people.principals;
  if (bob !== undefined) bob.revokedAt = '2026-01-01T00:00:00.000Z';
  expect(await bobApproves()).toContain('bob was revoked');
});

test('when Slack cannot be asked about an account nothing counts, and the terminal is named', async () => {
  const { run, about } = await askingRun(world.store);
  world.slack.faults.down = 'error';
  const seen = await world.slack.user(account.bob).slash(`approve ${run} plan=${shortDigest(about.plan)}`);
  const { text } = await seen.next();
  expect(text).toContain('Slack could not be asked about your account');
  expect(text).toContain(`\`firebreak approve ${run}\``);
  expect(world.door.statements).toHaveLength(0);
});

test('whoever is not in people.yaml is not shown where things stand either', async () => {
  world.slack.state.users.set('U0EVE', { id: 'U0EVE', name: 'eve', team: world.settings.team });
  const { run } = await askingRun(world.store);
  expect((await world.slack.user('U0EVE').slash(`status ${run}`)).messages()[0]?.text).toContain('No single principal');
});
