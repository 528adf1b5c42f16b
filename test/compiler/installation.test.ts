import { expect, test } from 'vitest';
import { compileInstallation } from '../../compiler/installation.js';
import { brief, edit, installationText } from './examples.js';

function compile(text: string) {
  return compileInstallation({ file: 'firebreak.yaml', text });
}

test('a good firebreak.yaml becomes the installation, with references and no secrets', () => {
  const { installation, problems } = compile(installationText);
  expect(problems).toEqual([]);
  expect(installation).toEqual({
    environment: 'production',
    systems: {
      aws: {
        kind: 'aws',
        region: 'eu-west-1',
        endpoint: 'http://127.0.0.1:5000',
        credentials: { accessKeyId: { env: 'FIREBREAK_AWS_KEY_ID' }, secretAccessKey: { file: 'secrets/aws' } },
        shownOn: 'emulator',
      },
    },
    protected: [
      { target: { system: 'aws', type: 'instance', id: 'i-0firebreak' }, why: 'Firebreak itself runs here.' },
    ],
    watch: { everyMs: 120_000, settlesPerHour: 3 },
    slack: {
      team: 'T0FIRE',
      channel: 'C0FIRE',
      botId: 'B0FIRE',
      botUserId: 'U0FIRE',
      botToken: { file: 'secrets/slack-token' },
      signingSecret: { env: 'SLACK_SIGNING_SECRET' },
    },
    gateway: { host: '127.0.0.1', port: 7281 },
    journal: { postgres: { url: { file: 'secrets/journal-url' } } },
    temporal: {
      encryption: {
        active: '2026-11',
        keys: { '2026-05': { env: 'OLD_PAYLOAD_KEY' }, '2026-11': { file: 'secrets/payload-key' } },
      },
    },
  });
});

test('what is left out is written out: a real account, a look every five minutes, the door on loopback', () => {
  const { installation, problems } = compile(
    'apiVersion: firebreak/v1\nkind: Installation\nenvironment: staging\nsystems: { aws: { kind: aws, region: us-gov-west-1 } }\n',
  );
  expect(problems).toEqual([]);
  expect(installation).toEqual({
    environment: 'staging',
    systems: { aws: { kind: 'aws', region: 'us-gov-west-1', shownOn: 'real' } },
    protected: [],
    watch: { everyMs: 300_000, settlesPerHour: 6 },
    gateway: { host: '127.0.0.1', port: 7280 },
  });
});

test.each([
  [
    'an unknown field',
    'region: eu',
    '⟦regoin: eu',
    'shape.unknown-field',
    'unknown AWS system field "regoin"; did you mean "region"?',
  ],
  [
    'an unknown field of the watch',
    'settles_per_hour',
    '⟦settle_per_hour',
    'shape.unknown-field',
    'unknown watch field "settle_per_hour"; did you mean "settles_per_hour"?',
  ],
  ['an unknown kind of system', 'kind: aws', 'kind: ⟦asw', 'shape.unknown-value', '"kind" must be "aws", not "asw"'],
  [
    'a place that is no region',
    'region: eu-west-1',
    'region: ⟦Ireland',
    'shape.bad-value',
    '"region" must be a region such as eu-west-1',
  ],
  [
    'an emulator that nobody could reach, so that the real account would be changed',
    '    endpoint: http://127.0.0.1:5000\n',
    '',
    'system.no-endpoint',
    'system "aws" is an emulator but has no endpoint',
  ],
  [
    'an emulator that calls itself real',
    'shown_on: emulator',
    'shown_on: real',
    'system.endpoint-of-real',
    'system "aws" has an endpoint, which only an emulator has',
  ],
  [
    'an endpoint with a password',
    'http://127.0.0.1:5000',
    '⟦http://me:secret@127.0.0.1:5000',
    'shape.bad-value',
    '"endpoint" must be an address such as http://127.0.0.1:5000, without a query or a password',
  ],
  [
    'a secret in place of a reference',
    'signing_secret: { env: SLACK_SIGNING_SECRET }',
    'signing_secret: ⟦0123456789abcdef',
    'secret.literal',
    '"signing_secret" must be a reference to a secret, not the secret itself',
  ],
  [
    'a reference of an unknown kind',
    '{ env: SLACK_SIGNING_SECRET }',
    '⟦{ vault: slack }',
    'shape.wrong-type',
    '"signing_secret" is not written as it must be',
  ],
  [
    'a reference of two kinds',
    '{ env: SLACK_SIGNING_SECRET }',
    '⟦{ env: A, file: b }',
    'shape.wrong-type',
    '"signing_secret" is not written as it must be',
  ],
  [
    "the journal's address with its password in place of a reference",
    '{ file: secrets/journal-url }',
    '⟦postgres://firebreak:hunter2@127.0.0.1/journal',
    'secret.literal',
    '"url" must be a reference to a secret, not the secret itself',
  ],
  [
    'a journal in a database of an unknown kind',
    '{ postgres:',
    '{ ⟦postgresql:',
    'shape.unknown-field',
    'unknown journal field "postgresql"; did you mean "postgres"?',
  ],
  [
    'an active key that is not listed',
    'active: 2026-11',
    'active: ⟦2026-12',
    'encryption.unknown-key',
    'unknown key "2026-12"; did you mean "2026-11"?',
  ],
  [
    'an active key that any object would seem to have',
    'active: 2026-11',
    'active: ⟦constructor',
    'encryption.unknown-key',
    'unknown key "constructor"',
  ],
  [
    'a payload key in place of a reference to it',
    '{ file: secrets/payload-key }',
    '⟦c2VjcmV0IGtleSBvZiB0aGlydHktdHdvIGJ5dGVzISE=',
    'secret.literal',
    '"2026-11" must be a reference to a secret, not the secret itself',
  ],
  [
    'a key id that could not be told in a sentence',
    '      2026-05:',
    '      ⟦"of May":',
    'shape.bad-name',
    'the name "of May" must be letters and digits, joined by dots, hyphens or underscores',
  ],
  ['keys of which none encrypts', '    active: 2026-11\n', '', 'shape.missing', 'this encryption lacks "active"'],
  [
    'encryption by another name',
    '  encryption:',
    '  ⟦encrypton:',
    'shape.unknown-field',
    'unknown Temporal settings field "encrypton"; did you mean "encryption"?',
  ],
  [
    'a protected thing of an unknown system',
    'system: aws,',
    'system: ⟦awss,',
    'protected.unknown-system',
    'unknown system "awss"; did you mean "aws"?',
  ],
  [
    'a protected thing without a reason',
    ', why: Firebreak itself runs here.',
    '',
    'shape.missing',
    'this protected target lacks "why"',
  ],
  ['a time that is no duration', 'every: 2m', 'every: ⟦2', 'shape.wrong-type', '"every" must be text, not a number'],
  ['a watch that hardly ever looks', 'every: 2m', 'every: ⟦2h', 'shape.bad-value', '"every" must be at most 1h'],
  [
    'a door open to the network',
    '127.0.0.1:7281',
    '⟦0.0.0.0:7281',
    'gateway.listen',
    '"listen" must be a loopback address and a port',
  ],
  [
    'a port that does not exist',
    '127.0.0.1:7281',
    '⟦127.0.0.1:70000',
    'gateway.listen',
    '"listen" must be a loopback address and a port',
  ],
  [
    'a channel by its name',
    'C0FIRE',
    "⟦'#incidents'",
    'shape.bad-value',
    '"channel" must be an id of a channel, such as C0123ABCD',
  ],
  [
    'a Slack app without its channel',
    '  channel: C0FIRE\n',
    '',
    'shape.missing',
    'this Slack settings lacks "channel"',
  ],
])('%s is refused where it stands', (name, from, to, code, message) => {
  const elsewhere: Record<string, [string, string]> = {
    'an emulator that nobody could reach, so that the real account would be changed': ['shown_on: ', 'shown_on: ⟦'],
    'an emulator that calls itself real': ['endpoint: ', 'endpoint: ⟦'],
    'a protected thing without a reason': ['- { system', '- ⟦{ system'],
    'a Slack app without its channel': ['  team', '  ⟦team'],
    'keys of which none encrypts': ['    keys', '    ⟦keys'],
  };
  const place = elsewhere[name];
  const { text, line, column } =
    place === undefined
      ? edit(installationText, from, to)
      : edit(
          installationText.replace(from, () => to),
          ...place,
        );
  const { installation, problems } = compile(text);
  expect(installation).toBeUndefined();
  expect(problems.map(brief)).toContainEqual({ line, column, code, message });
});

test('a secret that was pasted is reported and not repeated', () => {
  const token = ['xoxb', '123456789012', 'abcdefghijklmnop'].join('-');
  const { problems } = compile(installationText.replace('{ file: secrets/slack-token }', token));
  expect(problems.map(({ code }) => code)).toEqual(['secret.literal', 'secret.literal']);
  expect(JSON.stringify(problems)).not.toContain(token);
});

test('the gateway can listen on the IPv6 loopback', () => {
  expect(compile(installationText.replace('127.0.0.1:7281', "'[::1]:0'")).installation?.gateway).toEqual({
    host: '::1',
    port: 0,
  });
});
