import { expect, test } from 'vitest';
import { compilePeople } from '../../compiler/people.js';
import { bySlack, isResponder } from '../../core/people.js';
import { brief, edit, keys, peopleText } from './examples.js';

function compile(text: string) {
  return compilePeople({ file: 'people.yaml', text });
}

test('a good people.yaml becomes the directory that decisions rest on', () => {
  const { people, problems } = compile(peopleText);
  expect(problems).toEqual([]);
  expect(people).toEqual({
    principals: {
      alice: { id: 'alice', name: 'Alice', slack: [{ team: 'T0FIRE', user: 'U0ALICE' }], ssh: [keys.alice] },
      bob: { id: 'bob', slack: [{ team: 'T0FIRE', user: 'U0BOB' }], ssh: [keys.bob] },
      carol: { id: 'carol', slack: [{ team: 'T0FIRE', user: 'U0CAROL' }], ssh: [] },
      dave: { id: 'dave', slack: [], ssh: [], revokedAt: '2031-01-02T03:04:05.000Z' },
    },
    groups: { 'security-oncall': ['alice', 'bob'], 'platform-leads': ['carol', 'dave'], 'security-leads': ['alice'] },
    responders: ['security-oncall', 'platform-leads'],
    keys: [{ id: 'gateway-0a1b2c3d', use: 'gateway', publicKey: keys.gateway }],
  });
  if (people === undefined) throw new Error('unreachable');
  expect(bySlack(people, 'T0FIRE', 'U0BOB')?.id).toBe('bob');
  expect(isResponder(people, 'carol')).toBe(true);
});

test.each([
  [
    'an unknown field',
    '    revoked:',
    '    ⟦revokd:',
    'shape.unknown-field',
    'unknown principal field "revokd"; did you mean "revoked"?',
  ],
  [
    'an unknown member of a group',
    '[carol, dave]',
    '[⟦carl, dave]',
    'people.unknown-member',
    'unknown principal "carl"; did you mean "carol"?',
  ],
  [
    'a member who is in a group twice',
    '[alice, bob]',
    '[alice, bob, ⟦alice]',
    'people.member-twice',
    'alice is in this group twice',
  ],
  [
    'an unknown group of responders',
    'responders: [security-oncall, platform-leads]',
    'responders: [security-oncall, ⟦platform-lead]',
    'people.unknown-group',
    'unknown group "platform-lead"; did you mean "platform-leads"?',
  ],
  [
    'an empty list of responders',
    'responders: [security-oncall, platform-leads]',
    'responders: ⟦[]',
    'shape.out-of-range',
    '"responders" must have at least 1 entries',
  ],
  [
    'responders who have all left',
    'responders: [security-oncall, platform-leads]\n',
    'responders: ⟦[gone]\n',
    'people.no-responder',
    'nobody is a responder, so nobody could launch anything',
  ],
  [
    'one Slack account of two people',
    'U0CAROL',
    'U0ALICE',
    'people.identity-claimed',
    'this Slack account belongs to alice already',
  ],
  [
    'one Slack account twice',
    '[{ team: T0FIRE, user: U0BOB }]',
    '[{ team: T0FIRE, user: U0BOB }, ⟦{ team: T0FIRE, user: U0BOB }]',
    'people.identity-twice',
    'this Slack account is here twice for bob',
  ],
  [
    'one SSH key of two people',
    `- ${keys.bob}`,
    `- ⟦${keys.alice.replace('alice@laptop', 'another comment')}`,
    'people.identity-claimed',
    'this SSH key belongs to alice already',
  ],
  [
    'an SSH key that was cut off',
    `- ${keys.bob}`,
    `- ⟦${keys.bob.slice(0, 40)}`,
    'people.ssh-key',
    'this SSH key cannot be used: it is cut off or altered',
  ],
  [
    'an SSH key of a type that is not verified',
    `- ${keys.bob}`,
    '- ⟦ssh-dss AAAAB3NzaC1kc3M= bob',
    'people.ssh-key',
    'this SSH key cannot be used: its type is none of ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa',
  ],
  [
    'an SSH key whose type was altered',
    `- ${keys.bob}`,
    `- ⟦${keys.bob.replace('ssh-ed25519', 'ssh-rsa')}`,
    'people.ssh-key',
    'this SSH key cannot be used: it is cut off or altered',
  ],
  [
    'something else than an SSH key',
    `- ${keys.bob}`,
    '- ⟦ssh-ed25519 hello',
    'people.ssh-key',
    'this SSH key cannot be used: its second part is not base64',
  ],
  [
    'a Slack name in place of an id',
    'user: U0BOB',
    'user: ⟦bob',
    'shape.bad-value',
    '"user" must be an id of a Slack member, such as U0123ABCD',
  ],
  [
    'a time that does not exist',
    'revoked: 2031-01-02',
    'revoked: ⟦2031-13-02',
    'shape.bad-value',
    '"revoked" must be a time in UTC such as 2031-04-05T06:07:08Z',
  ],
  [
    'a service key that is not Ed25519',
    `public: ${keys.gateway}`,
    `public: ⟦${keys.rsa}`,
    'people.public-key',
    'this public key cannot be used: it is a key for rsa',
  ],
  [
    'a service key that is none',
    `public: ${keys.gateway}`,
    'public: ⟦aGVsbG8=',
    'people.public-key',
    'this public key cannot be used: it is no SPKI public key',
  ],
  [
    'a key id that is there twice',
    `    public: ${keys.gateway}\n`,
    `    public: ${keys.gateway}\n  - id: ⟦gateway-0a1b2c3d\n    use: journal\n    public: ${keys.gateway}\n`,
    'people.key-id-twice',
    'there is a key "gateway-0a1b2c3d" already',
  ],
  [
    'one key for two uses',
    `    public: ${keys.gateway}\n`,
    `    public: ${keys.gateway}\n  - id: journal-1\n    use: journal\n    public: ⟦${keys.gateway}\n`,
    'people.key-twice',
    'this key is here twice',
  ],
  [
    'an unknown use of a key',
    'use: gateway',
    'use: ⟦gatway',
    'shape.unknown-value',
    'unknown "use" "gatway"; did you mean "gateway"?',
  ],
  [
    'a person named like a part of Firebreak',
    '  dave:\n',
    '  ⟦engine:\n',
    'shape.bad-name',
    'the name "engine" stands for a part of Firebreak itself',
  ],
  ['a person who is there twice', '  dave:\n', '  ⟦bob:\n', 'yaml.duplicate-key', '"bob" is here twice'],
  ['a missing directory', 'groups:\n', 'grps:\n', 'shape.missing', 'this people lacks "groups"'],
])('%s is refused where it stands', (name, from, to, code, message) => {
  const elsewhere: Record<string, [string, string]> = {
    'one Slack account of two people': [
      '[{ team: T0FIRE, user: U0ALICE }]\n  dave',
      '[⟦{ team: T0FIRE, user: U0ALICE }]\n  dave',
    ],
    'a missing directory': ['apiVersion', '⟦apiVersion'],
  };
  const base =
    name === 'responders who have all left' ? peopleText.replace('groups:\n', 'groups:\n  gone: [dave]\n') : peopleText;
  const place = elsewhere[name];
  const { text, line, column } =
    place === undefined
      ? edit(base, from, to)
      : edit(
          base.replace(from, () => to),
          ...place,
        );
  const { people, problems } = compile(text);
  expect(people).toBeUndefined();
  expect(problems.map(brief)).toContainEqual({ line, column, code, message });
});

/** One field of an SSH blob: its length in four bytes, then its bytes. */
function field(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function rsaKey(bytes: number): string {
  const modulus = Buffer.concat([Buffer.from([0]), Buffer.alloc(bytes, 0xff)]);
  const blob = Buffer.concat([Buffer.from('ssh-rsa'), Buffer.from([1, 0, 1]), modulus].map(field));
  return `ssh-rsa ${blob.toString('base64')}`;
}

test('an RSA key is taken when it is long enough, and refused when it is not', () => {
  expect(compile(edit(peopleText, keys.bob, `⟦${rsaKey(256)}`).text).problems).toEqual([]);
  expect(compile(edit(peopleText, keys.bob, `⟦${rsaKey(128)}`).text).problems).toMatchObject([
    { message: 'this SSH key cannot be used: it has fewer than 2048 bits' },
  ]);
});

test('a service has a hook, runbooks and an owner, and nothing that a person has', () => {
  const withService = (more: string, from = '  dave:\n') =>
    compile(
      peopleText.replace(
        from,
        `  finder:\n    service: { hook: findings, launches: [isolate], owner: alice }\n${more}${from}`,
      ),
    );
  expect(withService('').people?.principals['finder']?.service).toEqual({
    hook: 'findings',
    launches: ['isolate'],
    owner: 'alice',
  });
  const codes = (compiled: ReturnType<typeof compile>) => compiled.problems.map(({ code }) => code);
  expect(codes(withService(`    ssh: ["${rsaKey(256)}"]\n`))).toContain('people.service-identity');
  expect(codes(withService('    slack: [{ team: T0FIRE, user: U0FINDER }]\n'))).toContain('people.service-identity');
  const twin = '  twin:\n    service: { hook: findings, launches: [isolate], owner: alice }\n';
  expect(codes(withService(twin))).toContain('people.identity-claimed');
  const orphan = '  orphan:\n    service: { hook: others, launches: [isolate], owner: finder }\n';
  expect(codes(withService(orphan))).toContain('people.unknown-owner');
  const member = withService('').people;
  expect(member?.groups).toBeDefined();
  const inGroup = peopleText
    .replace('  dave:\n', '  finder:\n    service: { hook: findings, launches: [isolate], owner: alice }\n  dave:\n')
    .replace(/^groups:\n/m, 'groups:\n  robots: [finder]\n');
  expect(codes(compile(inGroup))).toEqual(['people.service-in-group']);
});
