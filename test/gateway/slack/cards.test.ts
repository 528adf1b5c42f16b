// What cards show, within Slack's limits whatever people and the world put into them.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Hold } from '../../../core/hold.js';
import type { AskView, RunView, StepView } from '../../../core/run-view.js';
import type { PlannedChange } from '../../../core/plan.js';
import type { ShownChange } from '../../../core/shown-change.js';
import type { PlanAnswer } from '../../../gateway/api.js';
import { askCard, nonceOf } from '../../../gateway/slack/ask-card.js';
import { prose } from '../../../gateway/slack/mrkdwn.js';
import { nextFor, statusCard } from '../../../gateway/slack/status-card.js';
import { digestOf } from '../../../journal/digest.js';
import { type Block, refusalOf } from '../../../sandbox/slack/limits.js';
import { isolateHosts, textOf, twoOf } from '../../support/slack.js';

const at = '2026-03-01T03:00:00.000Z';

function planOf(targets: number, id = (i: number) => `eni-0ab${i}`): PlanAnswer {
  const changes = Array.from(
    { length: targets },
    (_, i): PlannedChange => ({
      unit: 'aws.isolate-instance@1',
      item: { instance: `i-${i}` },
      target: { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: id(i) },
      aspect: 'groups',
      before: { groups: [`sg-0web${i}`] },
      after: { groups: ['tag:firebreak-quarantine'] },
      dependsOn: [],
      risk: 'disruptive',
      guarded: false,
      oneWay: false,
      partsOpen: true,
      effect: digestOf(i),
      standing: 'change',
    }),
  );
  return { plan: digestOf('plan'), steps: [{ step: 'isolate', changes, failed: [] }] };
}

function planWith(count: number, patch: (i: number, change: PlannedChange) => Partial<ShownChange>): PlanAnswer {
  const plan = planOf(count);
  const steps = plan.steps.map((step) => ({
    ...step,
    changes: step.changes.map((change, i) => ({ ...change, ...patch(i, change) })),
  }));
  return { ...plan, steps };
}

const hostId = (i: number) => `i-${i.toString(16).padStart(17, '0')}`;

function askOf(patch: Partial<AskView> = {}): AskView {
  return {
    id: 'run-4k7mq2x9ab-containment-1',
    about: {
      kind: 'gate',
      run: 'run-4k7mq2x9ab',
      launch: digestOf('launch'),
      gate: 'containment',
      round: 1,
      plan: digestOf('plan'),
    },
    allows: 'carry out',
    spec: twoOf,
    excluded: ['alice'],
    openedAt: at,
    deadline: '2026-03-01T03:15:00.000Z',
    containing: true,
    plans: [
      {
        id: digestOf('p'),
        step: 'isolate',
        system: 'aws',
        round: 1,
        items: 3,
        toChange: 3,
        already: 0,
        failed: 0,
        risk: 'disruptive',
      },
    ],
    state: 'asking',
    decided: [],
    ...patch,
  };
}

function viewOf(patch: Partial<RunView> = {}): RunView {
  return {
    run: 'run-4k7mq2x9ab',
    incident: 'inc-4k7mq2x9ab',
    verb: 'launch',
    runbook: isolateHosts.name,
    version: 1,
    digest: digestOf(isolateHosts),
    summary: isolateHosts.summary,
    environment: 'sandbox',
    separation: 'nominal',
    launch: digestOf('launch'),
    inputs: { instances: ['i-0ab1', 'i-0ab2'], reason: 'beacons to a known address' },
    requester: 'alice',
    owner: 'alice',
    reason: 'beacons to a known address',
    launchedAt: at,
    state: 'asking',
    steps: [
      {
        id: 'isolate',
        phase: 'contain',
        unit: 'aws.isolate-instance@1',
        gate: 'containment',
        state: 'waiting',
        counts: {},
        exceptions: [],
      },
    ],
    asks: [askOf()],
    tasks: [],
    refusals: [],
    waiting: [],
    evidence: 0,
    notes: [],
    watch: [],
    lastEventAt: at,
    ...patch,
  };
}

const valuesOf = (ask: AskView) =>
  askCard(viewOf(), ask, planOf(1)).blocks.flatMap((block) =>
    block.type === 'actions' ? block.elements.map((element) => ('value' in element ? element.value : undefined)) : [],
  );
const many = <T>(each: fc.Arbitrary<T>) => fc.array(each, { maxLength: 60 });
const shownBy = (content: { text: string; blocks: unknown[] }) => textOf({ versions: [content] });
const holdOf = (state: Hold['state'], i = 0): Hold => ({
  version: 1,
  id: `hold-${i}`,
  key: `aws:eu-west-1:network-interface:eni-${i}#groups`,
  unit: 'aws.isolate-instance@1',
  item: {},
  target: { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: `eni-${i}` },
  aspect: 'groups',
  risk: 'disruptive',
  guarded: false,
  oneWay: false,
  partsOpen: true,
  containing: true,
  planned: {},
  before: {},
  after: {},
  holders: [],
  origin: {
    run: 'run-4k7mq2x9ab',
    incident: 'inc-4k7mq2x9ab',
    step: 'isolate',
    runbook: digestOf('r'),
    gate: 'containment',
    spec: twoOf,
  },
  state,
  intendedAt: at,
});

test('what the inventory names stands on the card by name and owner, beside the id', () => {
  const plan = planWith(2, (i) => (i === 0 ? { known: { name: 'web-1', owner: 'platform-leads' } } : {}));
  const text = shownBy(askCard(viewOf(), askOf(), plan));
  expect(text).toContain('*On aws eu-west-1, instance:* `web-1 (i-0, owner platform-leads)`, `i-1`');
  expect(text).toContain('`eni-0ab0 (instance web-1 (i-0, owner platform-leads)) groups:');
});

test('an approval card says what, how many, what changes, the risk, who asks and why, who must agree, and until when', () => {
  const text = shownBy(askCard(viewOf(), askOf(), planOf(3)));
  for (const part of [
    'Approve? aws-host-compromise',
    isolateHosts.summary,
    'sandbox (not production)',
    '3 network-interface',
    '*Risk:* disruptive',
    '*On aws eu-west-1, instance:* `i-0`, `i-1`, `i-2`',
    '`eni-0ab0 (instance i-0) groups: sg-0web0 → tag:firebreak-quarantine`',
    '*Asked by* alice: beacons to a known address',
    '*Needs 2* of security-oncall or platform-leads, but not alice',
    '0 of 2',
    '<!date^1772334900^',
    'it goes on asking',
    digestOf('plan').slice(7, 19),
    'Separation of duties is nominal',
  ]) {
    expect(text).toContain(part);
  }
});

test('five hundred targets fit, and what is not shown is counted with a command that shows it', () => {
  const content = askCard(viewOf(), askOf(), planOf(500));
  expect(refusalOf(content.text, content.blocks as unknown as Block[])).toBeUndefined();
  expect(shownBy(content)).toContain('500 network-interface');
  expect(shownBy(content)).toContain('… and 495 more: `firebreak status run-4k7mq2x9ab --changes`');
});

test('every host that is reached is on the card, as many as Slack takes; the others are counted', () => {
  for (const [count, least] of [
    [200, 200],
    [500, 300],
  ] as const) {
    const content = askCard(
      viewOf(),
      askOf(),
      planWith(count, (i) => ({ item: { instance: hostId(i) } })),
    );
    expect(refusalOf(content.text, content.blocks as unknown as Block[])).toBeUndefined();
    const reached = content.blocks.filter((block) => block.type === 'section' && block.expand === true);
    const text = JSON.stringify(reached);
    const shown = text.match(/`i-[0-9a-f]{17}`/g) ?? [];
    expect(new Set(shown)).toEqual(new Set(Array.from({ length: shown.length }, (_, i) => `\`${hostId(i)}\``)));
    expect(shown.length).toBeGreaterThanOrEqual(least);
    const rest = count - shown.length;
    const counted = `… and ${rest} more: \`firebreak status run-4k7mq2x9ab --changes\``;
    expect(text.includes(counted)).toBe(rest > 0);
  }
});

test('hosts in several places are told apart, and so are their changes', () => {
  const far = { account: '123456789012', region: 'us-east-1' };
  const plan = planWith(2, (i, { target }) => (i === 0 ? {} : { target: { ...target, ...far } }));
  const text = shownBy(askCard(viewOf(), askOf(), plan));
  expect(text).toContain('*On aws eu-west-1, instance:* `i-0`\n*On aws 123456789012 us-east-1, instance:* `i-1`');
  expect(text).toContain('`aws 123456789012 us-east-1 eni-0ab1 (instance i-1) groups: ');
});

test('what is already as wanted is in no bound, so its host is not among those that are agreed to', () => {
  const plan = planWith(2, (i) => (i === 0 ? { standing: 'already' } : {}));
  expect(shownBy(askCard(viewOf(), askOf(), plan))).toContain('*On aws eu-west-1, instance:* `i-1`\n');
});

test('what a release finds changed, or would put back though nobody saw it, comes first and says both', () => {
  const plan = planWith(8, (i) => ({
    before: { groups: ['tag:firebreak-quarantine'] },
    after: { groups: [`sg-0web${i}`] },
    planned: { groups: [i === 6 ? 'sg-0original' : `sg-0web${i}`] },
    ...(i === 7 ? { found: { groups: ['sg-0since'] } } : {}),
  }));
  const lines = shownBy(askCard(viewOf(), askOf(), plan)).split('\n');
  const from = lines.indexOf('*Look closely: 2 of 8 differ* and come first.');
  expect(lines.slice(from + 1, from + 4)).toEqual([
    '• `eni-0ab6 (instance i-6) groups: tag:firebreak-quarantine → sg-0web6` *the approved plan saw:* `sg-0original`',
    '• `eni-0ab7 (instance i-7) groups: tag:firebreak-quarantine → sg-0web7` *found now:* `sg-0since`',
    '• `eni-0ab0 (instance i-0) groups: tag:firebreak-quarantine → sg-0web0`',
  ]);
});

test('a button carries the run, the ask and a nonce that changes with every decision, and nothing else', () => {
  const [value] = valuesOf(askOf());
  expect(JSON.parse(value ?? '')).toEqual({
    run: 'run-4k7mq2x9ab',
    ask: 'run-4k7mq2x9ab-containment-1',
    nonce: nonceOf(askOf()),
  });
  const decided = askOf({ decided: [{ by: 'bob', verb: 'approve', at }] });
  expect(nonceOf(decided)).not.toBe(nonceOf(askOf()));
  expect(valuesOf({ ...decided, state: 'passed' })).toEqual([]);
});

test('after the decision the card names who decided, and only outcomes that the journal holds', () => {
  const ask = askOf({
    state: 'passed',
    decided: [
      { by: 'bob', verb: 'approve', at, reason: 'looks right' },
      { by: 'dave', verb: 'approve', at },
    ],
  });
  const waiting = shownBy(askCard(viewOf({ asks: [ask] }), ask, planOf(3)));
  expect(waiting).toContain('bob said *approve*');
  expect(waiting).toContain('`isolate` not begun');
  const [step] = viewOf().steps;
  if (step === undefined) throw new Error('no step');
  const done = shownBy(
    askCard(
      viewOf({ asks: [ask], steps: [{ ...step, state: 'partial', counts: { applied: 2, failed: 1, moved: 0 } }] }),
      ask,
      planOf(3),
    ),
  );
  expect(done).toContain('`isolate` partial: 2 applied, 1 failed');
  expect(done).not.toContain('moved');
});

test('a word taken back does not count on the card', () => {
  const ask = askOf({
    decided: [
      { by: 'bob', verb: 'approve', at },
      { by: 'bob', verb: 'withdraw', at },
      { by: 'dave', verb: 'approve', at },
    ],
  });
  expect(shownBy(askCard(viewOf(), ask, planOf(1)))).toContain('1 of 2 (dave)');
});

test('a card says until when each approval is good; one that is too old does not count, and frees the nonce', () => {
  const goodUntil = '2026-03-01T04:00:00.000Z';
  const bob = { by: 'bob', verb: 'approve', at, goodUntil };
  const one = askOf({ decided: [bob] });
  expect(shownBy(askCard(viewOf(), one, planOf(1)))).toContain("bob's is good until");
  const lapsed = askOf({ decided: [], lapsed: [bob] });
  const shown = shownBy(askCard(viewOf({ asks: [lapsed] }), lapsed, planOf(1)));
  expect(shown).toContain('0 of 2');
  expect(shown).toContain('*Too old by now:* what bob said');
  expect(nextFor(viewOf({ asks: [lapsed] }), [])).toContain('Too old by now');
  expect(new Set([askOf(), one, lapsed].map(nonceOf)).size).toBe(3);
});

test('what a run asked when it ended cannot be answered any more, and both cards say how it ended', () => {
  const ask = askOf({ state: 'closed' });
  const says = 'its workflow was ended at Temporal, past Firebreak (terminated)';
  const view = viewOf({ state: 'failed', endedAt: at, says, asks: [ask] });
  expect(valuesOf(ask)).toEqual([]);
  const shown = shownBy(askCard(view, ask, planOf(1)));
  expect(shown).toContain('No longer asked');
  expect(shown).toContain(says);
  const status = shownBy(statusCard({ view, plan: planOf(1), holds: [] }));
  expect(status).toContain(says);
  expect(status).not.toContain('waiting for');
});

test('an irreversible step asks once more before the click counts, and says that a key of their own is needed', () => {
  const plans = askOf().plans.map((plan) => ({ ...plan, risk: 'irreversible' as const }));
  const content = askCard(viewOf(), askOf({ plans, spec: { ...twoOf, personalKeys: 1 } }), planOf(2));
  expect(JSON.stringify(content.blocks)).toContain('This cannot be undone');
  expect(shownBy(content)).toContain('1 of them from a terminal, with a key of their own');
});

test('text of people and of the world does nothing in a card: no mention, no link, no line of its own, no picture', () => {
  const evil =
    'fine <!channel> <https://evil.example|open this> `code`\n*Approved by* bob :white_check_mark: <@U0BOB> \u202egnp';
  const view = viewOf({
    reason: evil,
    summary: evil,
    requester: evil,
    notes: [{ by: evil, at, text: evil }],
    environment: evil,
  });
  const ask = askOf({
    reason: evil,
    decided: [{ by: 'bob', verb: 'deny', at, reason: evil }],
    spec: { ...twoOf, from: [evil] },
  });
  const plan = planOf(2, () => evil);
  for (const content of [
    askCard(view, ask, plan),
    askCard(view, { ...ask, state: 'denied' }, plan),
    statusCard({ view: { ...view, verb: 'plan' }, plan, holds: [] }),
  ]) {
    // In `code` Slack formats nothing and shows no pictures; mentions and links are escaped there as well.
    expect(JSON.stringify(content.blocks)).not.toMatch(/<!channel|<https|<@U0/);
    const text = shownBy(content).replace(/`[^`]*`/g, '');
    expect(text).not.toMatch(/<!channel|<https|<@U0/);
    expect(text).not.toContain(':white_check_mark:');
    expect(text).not.toContain('\u202e');
    expect(text).not.toContain('*Approved by*');
    // Slack must not find mentions or addresses in what is left either.
    expect(JSON.stringify(content.blocks).match(/"type":"mrkdwn"/g)?.length).toBe(
      JSON.stringify(content.blocks).match(/"verbatim":true/g)?.length,
    );
  }
});

test('a long text is cut where it says that it is cut, and by how much', () => {
  expect(prose('a'.repeat(1000), 300)).toBe(`${'a'.repeat(300)}… (700 more characters)`);
});

test('the status card says what is next, what is in force and what is unknown since when', () => {
  const done = viewOf({ state: 'done', endedAt: at, asks: [] });
  const holds = [holdOf('in force', 1), holdOf('in force', 2), holdOf('intended', 3)];
  const text = shownBy(statusCard({ view: done, plan: { plan: undefined, steps: [] }, holds }));
  expect(text).toContain('*In force:* 2 network-interface');
  expect(text).toContain('`aws:eu-west-1:network-interface:eni-3#groups` unknown since <!date^1772334000^');
  expect(nextFor(done, [holdOf('in force')])).toContain('`/firebreak release run-4k7mq2x9ab why`');
  const changed = { ...holdOf('in force', 4), differsSince: at };
  const differing = shownBy(
    statusCard({ view: done, plan: { plan: undefined, steps: [] }, holds: [...holds, changed] }),
  );
  expect(differing).toContain('*In force:* 2 network-interface');
  expect(differing).toContain('*Next:* 1 of 4 held changes are not as held: somebody changed them.');
  expect(differing).toMatch(/`aws:eu-west-1:network-interface:eni-4#groups` not as held since <!date[^>]+>$/m);
  const limit = { hold: changed.id, until: '2026-03-01T11:00:00.000Z' };
  const limited = { ...done, watch: [{ at, action: 'containment.limit-reached', text: '', limit }] };
  expect(nextFor(limited, [changed])).toMatch(/does so again after <!date\^1772362800\^/);
  expect(
    shownBy(statusCard({ view: limited, plan: { plan: undefined, steps: [] }, holds: [...holds, changed] })),
  ).toMatch(
    /`aws:eu-west-1:network-interface:eni-4#groups` not as held since .*, not put back until <!date\^1772362800\^/,
  );
  expect(nextFor(viewOf(), [])).toContain(
    '0 of 2 approved at gate `containment`, waiting for security-oncall or platform-leads',
  );
  expect(
    nextFor(
      viewOf({ state: 'needs a person', needs: { code: 'x', why: 'Two hosts moved.', next: 'Look at them.' } }),
      [],
    ),
  ).toBe('Two hosts moved. Look at them.');
  expect(nextFor(viewOf({ state: 'done', endedAt: at, asks: [] }), [])).toBe('nothing.');
});

test('a card that asks for a skip or a pause says of what, for how long, and who asked', () => {
  const request = { by: 'dave', step: 'call-owner' };
  const skip = askOf({ allows: 'skip', request, plans: [], reason: 'nobody answers' });
  const text = shownBy(askCard(viewOf({ asks: [skip] }), skip, planOf(0)));
  expect(text).toContain('Approve? skip of "call-owner" in aws-host-compromise');
  expect(text).toContain('*What:* Allow `skip of "call-owner"` for this run.');
  expect(text).toContain('*Asked by* dave: nobody answers');
  const pause = askOf({ allows: 'pause', request: { by: 'dave', byMs: 7_200_000 }, plans: [] });
  expect(shownBy(askCard(viewOf({ asks: [pause] }), pause, planOf(0)))).toContain('Allow `pause by 2h` for this run.');
  const paused = viewOf({ state: 'paused', paused: { by: 'alice', until: at } });
  expect(nextFor(paused, [])).toContain('paused until <!date^1772334000^');
  expect(nextFor(paused, [])).toContain('`firebreak resume run-4k7mq2x9ab` ends it.');
});

test('what waits for people says who they are and the words that answer it, beside the gates that ask', () => {
  const call = {
    kind: 'manual' as const,
    step: 'call',
    what: 'Call the <owner>.',
    who: ['oncall'],
    evidence: 'Whom you reached.',
    askedAt: at,
  };
  const way = {
    kind: 'decide' as const,
    step: 'way',
    what: 'Which way?',
    who: ['leads'],
    choices: { rebuild: 'From the image.', clean: 'In place.' },
    askedAt: at,
  };
  const next = nextFor(viewOf({ tasks: [call, way] }), []);
  expect(next.split('\n').map((line) => line.replace(/^• /, ''))).toEqual([
    expect.stringContaining('0 of 2 approved at gate `containment`'),
    'oncall: Call the &lt;owner&gt;. Then `/firebreak confirm run-4k7mq2x9ab step=call Whom you reached.`',
    'leads: Which way? From the image.: `/firebreak choose run-4k7mq2x9ab rebuild step=way`; In place.: `/firebreak choose run-4k7mq2x9ab clean step=way`',
  ]);
  const steps = [
    {
      ...(viewOf().steps[0] as StepView),
      id: 'way',
      unit: 'decided by a person',
      state: 'done' as const,
      by: 'bob',
      choice: 'clean',
    },
  ];
  expect(shownBy(statusCard({ view: viewOf({ steps, asks: [] }), plan: planOf(0), holds: [] }))).toContain(
    '✔ `way` decided by a person · `clean` by bob',
  );
});

test("a plan's card shows what would change and the command that does it", () => {
  const text = shownBy(
    statusCard({ view: viewOf({ verb: 'plan', state: 'done', endedAt: at, asks: [] }), plan: planOf(7), holds: [] }),
  );
  expect(text).toContain('*Would change* 7 network-interface');
  expect(text).toContain('… and 2 more');
  expect(text).toContain(
    '`/firebreak run aws-host-compromise instances=i-0ab1,i-0ab2 reason="beacons to a known address"`',
  );
});

test('production is named as such', () => {
  expect(shownBy(statusCard({ view: viewOf({ environment: 'production' }), plan: planOf(0), holds: [] }))).toContain(
    'PRODUCTION',
  );
});

test('no card is ever beyond the limits of Slack, whatever is in the journal', () => {
  const word = fc.string({ unit: fc.constantFrom('a', '<', '&', '"', '`', '*', '\n', '😀', '\\'), maxLength: 3_000 });
  fc.assert(
    fc.property(
      word,
      many(word),
      fc.nat(40),
      fc.constantFrom<AskView['state']>('asking', 'passed', 'denied', 'expired'),
      (text, texts, count, state) => {
        const decided = texts.map((by) => ({ by, verb: 'approve', at, reason: text }));
        const ask = askOf({
          state,
          decided,
          reason: text,
          excluded: texts,
          spec: { ...twoOf, from: [text, ...texts] },
          about: { ...askOf().about, gate: text },
        });
        const counts = Object.fromEntries(texts.map((each) => [each, 1]));
        const exceptions = texts.map((each) => ({ key: each, status: each, code: each, message: text }));
        const view = viewOf({
          summary: text,
          reason: text,
          requester: text,
          environment: text,
          runbook: text,
          asks: [ask, { ...ask, id: text }],
          steps: texts.map((id) => ({ id, phase: 'contain', unit: text, state: 'failed', counts, exceptions })),
          tasks: texts.map((step) => ({
            kind: 'decide',
            step,
            what: text,
            who: texts,
            choices: { [step]: text },
            askedAt: at,
          })),
          refusals: texts.map((by) => ({ by, verb: by, at, code: by, reason: text })),
          notes: texts.map((by) => ({ by, at, text })),
          watch: texts.map((action) => ({ at, action, text })),
          inputs: { text, texts },
          verb: count % 2 === 0 ? 'plan' : 'launch',
        });
        const holds = texts.map((id, i) => ({
          ...holdOf(i % 2 === 0 ? 'intended' : 'in force', i),
          target: { system: text, type: id, id },
        }));
        const plan = planWith(count, (i, { target }) => ({
          target: { ...target, id: texts[i] ?? text },
          item: i % 2 === 0 ? { [text]: texts[i] ?? text } : (texts[i] ?? text),
          ...(i % 3 === 0 ? { found: text, planned: texts[i] ?? text } : {}),
        }));
        const plans = [...ask.plans, ...texts.map((step) => ({ ...(ask.plans[0] as AskView['plans'][number]), step }))];
        for (const content of [
          askCard(view, { ...ask, plans }, plan),
          statusCard({ view, plan, holds }),
          statusCard({ view: { ...view, asks: [], endedAt: at, state: 'done' }, plan, holds }),
        ]) {
          expect(refusalOf(content.text, content.blocks as unknown as Block[])).toBeUndefined();
        }
      },
    ),
    { numRuns: 300 },
  );
});
