// Names for things: what firebreak.yaml may say of targets, and that a name can be given where an id is asked for.
import { expect, test } from 'vitest';
import { readInputs } from '../../compiler/inputs.js';
import { compileInstallation } from '../../compiler/installation.js';
import { compilePeople } from '../../compiler/people.js';
import { checkReferences } from '../../compiler/references.js';
import { targetsText as targets } from './examples.js';

const head = `apiVersion: firebreak/v1
kind: Installation
environment: production
systems:
  aws: { kind: aws, region: eu-west-1 }
`;
const people = `apiVersion: firebreak/v1
kind: People
principals:
  alice: {}
  bob: { revoked: 2031-01-01T00:00:00Z }
  finder: { service: { hook: findings, launches: [isolate], owner: alice } }
groups: { platform-leads: [alice] }
responders: [platform-leads]
`;

function compile(text: string) {
  const { installation, problems } = compileInstallation({ file: 'firebreak.yaml', text: `${head}${text}` });
  return { installation, problems: problems.map(({ line, code, message }) => ({ line, code, message })) };
}

test('targets have names, owners and labels; what is protected is so by its own word or by a name elsewhere', () => {
  const { installation, problems } = compile(
    `${targets}protected:\n  - { target: store, why: It holds evidence. }\n  - { system: aws, type: role, id: firebreak, why: Firebreak itself. }\n`,
  );
  expect(problems).toEqual([]);
  expect(installation?.targets?.['web-1']).toEqual({
    system: 'aws',
    type: 'instance',
    id: 'i-0ab1',
    owner: 'platform-leads',
    labels: { tier: 'web' },
  });
  expect(installation?.protected).toEqual([
    { target: { system: 'aws', type: 'instance', id: 'i-0ab2' }, why: 'The way in for everybody.' },
    { target: { system: 'aws', type: 'bucket', id: 'evidence' }, why: 'It holds evidence.' },
    { target: { system: 'aws', type: 'role', id: 'firebreak' }, why: 'Firebreak itself.' },
  ]);
});

test.each([
  [
    'an unknown system',
    'targets:\n  web-1: { system: awss, type: instance, id: i-1, owner: alice }',
    'target.unknown-system',
    'unknown system "awss"; did you mean "aws"?',
  ],
  [
    'two names for one thing',
    'targets:\n  a-1: { system: aws, type: instance, id: i-1, owner: alice }\n  a-2: { system: aws, type: instance, id: i-1, owner: alice }',
    'target.id-twice',
    '"a-1" is this id already',
  ],
  [
    'a name like an id',
    'targets:\n  i-web: { system: aws, type: instance, id: i-1, owner: alice }',
    'target.name-is-id',
    '"i-web" reads as an id, and nobody could tell which is meant',
  ],
  [
    'a protected name that is not there',
    `${targets}protected: [{ target: basion, why: It is the way in. }]`,
    'protected.unknown-target',
    'unknown target "basion"; did you mean "bastion"?',
  ],
  [
    'both a name and an id',
    `${targets}protected: [{ target: store, id: i-1, why: It is the way in. }]`,
    'protected.which',
    'this protected target must have either target, or system, type and id',
  ],
  [
    'half an id',
    'protected: [{ system: aws, id: i-1, why: It is the way in. }]',
    'protected.which',
    'this protected target must have either target, or system, type and id',
  ],
])('%s is refused at its place', (_what, text, code, message) => {
  const { installation, problems } = compile(`${text}\n`);
  expect(installation).toBeUndefined();
  expect(problems).toMatchObject([{ code, message }]);
  expect(problems[0]?.line).toBeGreaterThan(5);
});

test('an owner is a person or a group of people.yaml', () => {
  const text = `${head}${targets.replace('owner: platform-leads', 'owner: platform-lead').replace('owner: alice, protected', 'owner: bob, protected').replace('id: evidence, owner: alice', 'id: evidence, owner: finder')}`;
  const { installation } = compileInstallation({ file: 'firebreak.yaml', text });
  const directory = compilePeople({ file: 'people.yaml', text: people }).people;
  if (installation === undefined || directory === undefined) throw new Error('the files do not compile');
  const files = { installation: { file: 'firebreak.yaml', text }, people: { file: 'people.yaml', text: people } };
  const found = checkReferences(files, { installation, people: directory, runbooks: [] });
  expect(found.filter(({ file }) => file === 'firebreak.yaml')).toMatchObject([
    {
      line: 7,
      level: 'error',
      code: 'target.unknown-owner',
      message: 'people.yaml has no person or group "platform-lead"; did you mean "platform-leads"?',
    },
    { line: 8, level: 'note', code: 'target.revoked-owner' },
    { line: 9, level: 'error', code: 'target.unknown-owner' },
  ]);
});

test('a name stands for its id, alone and in lists, beside ids; the same thing by both is one thing', () => {
  const inventory = compile(targets).installation?.targets ?? {};
  const inputs = { host: { type: 'aws-instance' as const }, hosts: { type: 'list' as const, of: 'aws-instance' } };
  const read = (raw: Record<string, string>) => readInputs({ name: 'x', inputs }, raw, inventory);
  expect(read({ host: 'web-1', hosts: 'bastion, web-1 i-0ab2,i-0ab9' })).toEqual({
    host: 'i-0ab1',
    hosts: ['i-0ab2', 'i-0ab1', 'i-0ab9'],
  });
  const refused = (raw: Record<string, string>) => {
    try {
      return read(raw);
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refused({ host: 'web-2', hosts: 'web-1' })).toContain(
    'input "host" must be an id such as i-0ab1c2d3e4f5a6b7c, or a name of the inventory, not "web-2"; did you mean "web-1"?',
  );
  // A bucket is no instance, whatever it is called; nor is what every object has.
  for (const host of ['store', 'constructor']) expect(refused({ host, hosts: 'web-1' })).toContain(`not "${host}"`);
});
