/** Who there is in the sandbox: four people with a Slack identity and an SSH key each; alice asks, the others decide. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { FirebreakError } from '../core/errors.js';

export const sandboxPeople = ['alice', 'bob', 'carol', 'dave'] as const;

/** Where a person's private key lies in a sandbox workspace; for `--key`. */
export function personKey(root: string, person: string): string {
  return join(root, 'keys', person);
}

/** Makes the keys that are missing. */
export function makeKeys(root: string): void {
  mkdirSync(join(root, 'keys'), { recursive: true, mode: 0o700 });
  for (const person of sandboxPeople) {
    const file = personKey(root, person);
    if (!existsSync(file)) sshKeygen(['-q', '-t', 'ed25519', '-N', '', '-C', person, '-f', file]);
  }
}

function sshKeygen(args: string[]): void {
  try {
    execFileSync('ssh-keygen', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (cause) {
    throw new FirebreakError('ssh-keygen.failed', 'The keys of the sandbox people could not be made with ssh-keygen.', {
      nextStep: 'install the OpenSSH client, then start the sandbox again.',
      cause,
    });
  }
}

/** `people.yaml` for these Slack users. */
export function peopleYaml(root: string, team: string, slackIdOf: (person: string) => string): string {
  const principals = Object.fromEntries(
    sandboxPeople.map((person) => [
      person,
      {
        slack: [{ team, user: slackIdOf(person) }],
        ssh: [readFileSync(`${personKey(root, person)}.pub`, 'utf8').trim()],
      },
    ]),
  );
  return stringify({
    apiVersion: 'firebreak/v1',
    kind: 'People',
    principals,
    groups: {
      responders: ['alice', 'bob', 'carol'],
      'security-oncall': ['alice', 'bob'],
      'platform-leads': ['carol'],
      'security-leads': ['bob', 'carol'],
    },
    responders: ['responders'],
  });
}
