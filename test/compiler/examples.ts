// A small catalog, good files, and edits of them that mark with ⟦ where the problem must be reported.
import { generateKeyPairSync } from 'node:crypto';
import * as z from 'zod';
import type { Catalog, UnitInfo } from '../../compiler/catalog.js';
import type { Problem } from '../../compiler/problem.js';

const input = z.strictObject({ instance: z.string().regex(/^i-[0-9a-z]{1,17}$/) });

function unit(name: string, info: Partial<UnitInfo> = {}): [string, UnitInfo] {
  return [
    name,
    { name, kind: 'action', system: 'aws', risk: 'low', phase: 'contain', summary: `Does ${name}.`, input, ...info },
  ];
}

export const catalog: Catalog = new Map([
  unit('aws.collect-instance@1', { kind: 'collector', risk: 'read' }),
  unit('aws.protect-instance@1'),
  unit('aws.isolate-instance@1', { risk: 'disruptive', partsOpen: true }),
  unit('aws.snapshot-instance@1', { oneWay: true, phase: 'recover' }),
  unit('aws.rebuild-instance@2', {
    risk: 'irreversible',
    phase: 'recover',
    input: z.strictObject({
      instance: z.string(),
      image: z.string(),
      size: z.int().max(8).optional(),
      tags: z.array(z.string()).optional(),
    }),
  }),
]);

export const runbookText = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: host-compromise, version: 1, summary: Isolate and rebuild hosts. }
inputs:
  instances: { type: list, of: aws-instance, max: 500 }
  image: { type: string, min: 3, max: 40 }
  size: { type: number, min: 1, max: 8, default: 2 }
  speed: { type: choice, choices: [fast, careful] }
  ticket: { type: string, optional: true }
  reason: { type: string, min: 10 }
gates:
  containment:
    need: 2
    from: [security-oncall, platform-leads]
    within: 15m
    remind: 5m
    escalate: { after: 10m, to: [security-leads] }
  rebuilding: { need: 2, from: [security-oncall, platform-leads], personal_keys: 1 }
steps:
  - id: collect
    phase: contain
    uses: aws.collect-instance@1
    for_each: \${{ inputs.instances }}
    with:
      instance: \${{ item }}
    best_effort: 90s
  - id: isolate
    phase: contain
    uses: aws.isolate-instance@1
    for_each: \${{ inputs.instances }}
    with:
      instance: \${{ item }}
    needs: []
    gate: containment
    review: 8h
  - id: rebuild
    phase: recover
    uses: aws.rebuild-instance@2
    if: \${{ inputs.speed != "fast" && steps.isolate.counts.failed == 0 }}
    for_each: \${{ inputs.instances }}
    with:
      instance: \${{ item }}
      image: "\${{ inputs.image }}-v\${{ inputs.size }}"
      size: \${{ inputs.size }}
      tags: ["\${{ has(inputs.ticket) ? inputs.ticket : 'none' }}", rebuilt]
    gate: rebuilding
`;

// Pairs are made anew for each test run; nothing else is known of them.
function sshKey(comment: string): string {
  const { publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const type = Buffer.from('ssh-ed25519');
  const blob = Buffer.concat([length(type), type, length(raw), raw]);
  return `ssh-ed25519 ${blob.toString('base64')} ${comment}`;
}

function length(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes.length);
  return prefix;
}

export const keys = {
  alice: sshKey('alice@laptop'),
  bob: sshKey('bob@laptop'),
  gateway: generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 })
    .publicKey.export({ format: 'der', type: 'spki' })
    .toString('base64'),
};

export const peopleText = `apiVersion: firebreak/v1
kind: People
principals:
  alice:
    name: Alice
    slack: [{ team: T0FIRE, user: U0ALICE }]
    ssh: [${keys.alice}]
  bob:
    slack: [{ team: T0FIRE, user: U0BOB }]
    ssh:
      - ${keys.bob}
  carol:
    slack: [{ team: T0FIRE, user: U0CAROL }]
  dave:
    revoked: 2031-01-02T03:04:05Z
groups:
  security-oncall: [alice, bob]
  platform-leads: [carol, dave]
  security-leads: [alice]
responders: [security-oncall, platform-leads]
keys:
  - id: gateway-0a1b2c3d
    use: gateway
    public: ${keys.gateway}
`;

export const installationText = `apiVersion: firebreak/v1
kind: Installation
environment: production
systems:
  aws:
    kind: aws
    region: eu-west-1
    endpoint: http://127.0.0.1:5000
    credentials:
      access_key_id: { env: FIREBREAK_AWS_KEY_ID }
      secret_access_key: { file: secrets/aws }
    shown_on: emulator
protected:
  - { system: aws, type: instance, id: i-0firebreak, why: Firebreak itself runs here. }
watch: { every: 2m, settles_per_hour: 3 }
slack:
  team: T0FIRE
  channel: C0FIRE
  bot_id: B0FIRE
  bot_user_id: U0FIRE
  bot_token: { file: secrets/slack-token }
  signing_secret: { env: SLACK_SIGNING_SECRET }
gateway: { listen: 127.0.0.1:7281 }
journal: { postgres: { url: { file: secrets/journal-url } } }
temporal:
  encryption:
    active: 2026-11
    keys:
      2026-05: { env: OLD_PAYLOAD_KEY }
      2026-11: { file: secrets/payload-key }
`;

/** What is looked for, waited for, and bound before it is found. */
export const checksText = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: found, version: 1, summary: Isolate what was made from an image. }
inputs:
  image: { type: string }
  hosts: { type: list, of: aws-instance, max: 5 }
gates:
  containment: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: find
    phase: investigate
    uses: aws.find-instances@1
    with: { image: "\${{ inputs.image }}" }
  - id: isolate
    phase: contain
    uses: aws.isolate-instance@1
    for_each: \${{ steps.find.found.filter(x, x.state != "stopped") }}
    bound: 40
    with: { instance: "\${{ item.instance }}" }
    gate: containment
  - id: copied
    phase: contain
    uses: aws.check-snapshots@1
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}" }
    until: \${{ size(found) > 0 && found.all(s, s.complete) }}
    every: 30s
    within: 2h
    on_failure: ask
`;

export const targetsText = `targets:
  web-1: { system: aws, type: instance, id: i-0ab1, owner: platform-leads, labels: { tier: web } }
  bastion: { system: aws, type: instance, id: i-0ab2, owner: alice, protected: The way in for everybody. }
  store: { system: aws, type: bucket, id: evidence, owner: alice }
`;

const mark = '⟦';

export interface Edited {
  text: string;
  /** Where the mark stood, as problems say it. */
  line: number;
  column: number;
}

/** Replaces one text, which must be there, by another that holds the mark. */
export function edit(text: string, from: string, to: string): Edited {
  if (!text.includes(from)) throw new Error(`The example does not hold ${JSON.stringify(from)}.`);
  return marked(text.replace(from, () => to));
}

export function marked(text: string): Edited {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error('Nothing is marked.');
  const before = text.slice(0, at).split('\n');
  return { text: text.replace(mark, ''), line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** What of a problem a test compares. */
export function brief({ line, column, code, message }: Problem) {
  return { line, column, code, message };
}
