// What people type under stress is understood, or refused with the place and a command that can be pasted.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readLaunch } from '../../../gateway/slack/fields.js';
import { fieldText, parseCommand } from '../../../gateway/slack/parse.js';
import { isolateHosts } from '../../support/slack.js';

const fails = (text: string) => {
  try {
    parseCommand(text);
  } catch (error) {
    return error;
  }
  throw new Error(`"${text}" was understood.`);
};

test('a launch has a runbook and fields, quoted where they hold spaces', () => {
  expect(
    parseCommand('run aws-host-compromise instances=i-0ab1,i-0ab2 reason="beacons to a \\"known\\" address"'),
  ).toEqual({
    verb: 'run',
    runbook: 'aws-host-compromise',
    fields: [
      { key: 'instances', value: 'i-0ab1,i-0ab2' },
      { key: 'reason', value: 'beacons to a "known" address' },
    ],
  });
});

test('what people do or decide is answered in words, with a step where several wait', () => {
  expect(parseCommand('confirm run-1 told the owner at 03:10')).toEqual({
    verb: 'confirm',
    run: 'run-1',
    reason: 'told the owner at 03:10',
  });
  expect(parseCommand('confirm run-1 step=call-owner “told Ada”')).toEqual({
    verb: 'confirm',
    run: 'run-1',
    step: 'call-owner',
    reason: 'told Ada',
  });
  expect(parseCommand('choose run-1 rebuild step=way')).toEqual({
    verb: 'choose',
    run: 'run-1',
    choice: 'rebuild',
    step: 'way',
  });
  expect(fails('choose run-1')).toMatchObject({
    code: 'command.no-choice',
    nextStep: '`/firebreak choose run-1 CHOICE`',
  });
  expect(fails('confirm')).toMatchObject({ code: 'command.no-run' });
});

test('curly quotes of phones and escapes of Slack are what was meant', () => {
  expect(parseCommand('run x reason=“a &lt;b&gt; &amp; c”')).toMatchObject({
    fields: [{ key: 'reason', value: 'a <b> & c' }],
  });
  expect(parseCommand('deny run-4k7mq2x9ab “don’t: it’s staging”')).toEqual({
    verb: 'deny',
    run: 'run-4k7mq2x9ab',
    reason: 'don’t: it’s staging',
  });
});

test('approve takes a reason of many words and, where several gates ask, a gate', () => {
  expect(parseCommand('approve run-1 looks right to me')).toEqual({
    verb: 'approve',
    run: 'run-1',
    reason: 'looks right to me',
  });
  expect(parseCommand('approve run-1 gate=containment ok')).toEqual({
    verb: 'approve',
    run: 'run-1',
    gate: 'containment',
    reason: 'ok',
  });
  expect(parseCommand('approve run-1 plan=2fd464fd5573 gate=containment ok')).toEqual({
    verb: 'approve',
    run: 'run-1',
    gate: 'containment',
    plan: '2fd464fd5573',
    reason: 'ok',
  });
  expect(parseCommand('approve run-1')).toEqual({ verb: 'approve', run: 'run-1' });
});

test('nothing at all asks for help', () => {
  expect(parseCommand('  ')).toEqual({ verb: 'help' });
});

test.each([
  ['aprove run-1 ok', 'command.unknown-verb', '/firebreak approve run-1 ok'],
  ['explode', 'command.unknown-verb', '/firebreak help'],
  ['deny run-1', 'command.no-reason', '/firebreak deny run-1 why not'],
  ['release run-1', 'command.no-reason', '/firebreak release run-1 why it can be lifted'],
  ['run', 'command.no-runbook', '/firebreak run RUNBOOK'],
  ['run x reason="never ends', 'command.open-quote', '/firebreak run x reason="never ends"'],
  ['run x reason=two words', 'command.loose-words', '/firebreak run x reason="two words"'],
  ['status run-1 run-2', 'command.too-much', '/firebreak status run-1'],
])('"%s" is refused with a command to paste', (typed, code, corrected) => {
  expect(fails(typed)).toMatchObject({ code, nextStep: `\`${corrected}\`` });
});

test('whatever a value holds, a field that is written out reads back as the same', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }).filter((value) => !/[“”„‟«»&\u00a0]/.test(value) && value.trim() === value),
      (value) => {
        const command = parseCommand(`run x ${fieldText({ key: 'reason', value })}`);
        expect(command).toMatchObject({ fields: [{ key: 'reason', value }] });
      },
    ),
  );
});

test.each([
  [
    [
      { key: 'instance', value: 'i-0ab1' },
      { key: 'reason', value: 'long enough a reason' },
    ],
    'run aws-host-compromise instances=i-0ab1 reason="long enough a reason"',
  ],
  [[{ key: 'instances', value: 'i-0ab1' }], 'run aws-host-compromise instances=i-0ab1 reason=STRING'],
])('inputs that do not fit are refused with the corrected command', (fields, corrected) => {
  expect(() => readLaunch('run', isolateHosts, fields)).toThrow(
    expect.objectContaining({ code: 'inputs.invalid', nextStep: `\`/firebreak ${corrected}\`` }) as Error,
  );
});

test('a list may be given in several fields, and a reason is both the input and why it is launched', () => {
  const fields = [
    { key: 'instances', value: 'i-0ab1' },
    { key: 'instances', value: 'i-0ab2' },
    { key: 'reason', value: 'long enough a reason' },
    { key: 'incident', value: 'inc-4k7mq2x9ab' },
  ];
  expect(readLaunch('run', isolateHosts, fields)).toEqual({
    inputs: { instances: 'i-0ab1,i-0ab2', reason: 'long enough a reason' },
    reason: 'long enough a reason',
    incident: 'inc-4k7mq2x9ab',
    again: false,
  });
});

function launchOf(instances: string) {
  return [
    { key: 'instances', value: instances },
    { key: 'reason', value: 'beacons to a known address' },
  ];
}

test('a host can be given by its name in the inventory, and one that is not there is refused with what was meant', () => {
  const inventory = {
    'web-1': { system: 'aws', type: 'instance', id: 'i-0ab1', owner: 'platform-leads', labels: {} },
  };
  expect(readLaunch('run', isolateHosts, launchOf('web-1,i-0ab2'), inventory).inputs['instances']).toBe('web-1,i-0ab2');
  expect(() => readLaunch('run', isolateHosts, launchOf('web-2'), inventory)).toThrow(/did you mean "web-1"\?/);
});
