/**
 * What a new workspace holds. It invents nobody: whoever makes it stands alone in people.yaml, and `validate` says who is
 * missing until others are there, for a gate that one person could pass would be none.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { jsonSchemas } from '../compiler/json-schema.js';
import { projectRoot } from '../worker/project.js';

export interface NewWorkspace {
  /** The principal id of whoever makes it. */
  principal: string;
  /** The line of their public key; undefined where none was found. */
  publicKey: string | undefined;
  region: string | undefined;
}

export interface NewFile {
  /** Relative to the workspace. */
  path: string;
  text: string;
  /** For the person who made it. */
  says: string;
}

/** Stands where only a person knows; no form takes it, so that `validate` names its line. */
const fillIn = 'FILL-IN';

export const schemaFolder = '.schemas';
const firstRunbook = 'runbooks/aws/aws-host-compromise.yaml';

export function workspaceFiles(of: NewWorkspace): NewFile[] {
  return [
    { path: 'firebreak.yaml', text: installation(of), says: 'the systems, what is protected, Slack' },
    {
      path: 'people.yaml',
      text: people(of),
      says: `who there is: ${of.principal} alone; whoever asks never decides, so others have to join`,
    },
    { path: firstRunbook, text: runbook(), says: 'the first runbook, yours to change' },
    { path: '.gitignore', text: '# Keys, tokens and the journal.\n/.firebreak/\n', says: 'keeps keys out of git' },
    { path: '.vscode/settings.json', text: editorSettings(), says: 'checks and completes these files as you type' },
    { path: '.vscode/extensions.json', text: editorExtensions(), says: 'asks for the extension that does it' },
    ...Object.entries(jsonSchemas()).map(([name, schema]) => ({
      path: `${schemaFolder}/${name}`,
      text: `${JSON.stringify(schema, null, 2)}\n`,
      says: 'for the editor',
    })),
  ];
}

function installation({ region, principal }: NewWorkspace): string {
  return `# yaml-language-server: $schema=${schemaFolder}/installation.schema.json
# What Firebreak works on. Secrets are named here and never written here.
apiVersion: firebreak/v1
kind: Installation
environment: production # what this answers for; part of every launch

systems:
  aws:
    kind: aws
    region: ${region ?? `${fillIn} # such as eu-west-1`}
    # Without credentials the AWS SDK finds its own: a profile, or the role of the machine.
    # \`firebreak permissions\` prints the policy they need.
    # credentials:
    #   access_key_id: { env: FIREBREAK_AWS_KEY }
    #   secret_access_key: { file: .firebreak/aws-secret }

# What things are called, and whose they are: a name can be given wherever an id is asked for. \`firebreak inventory\` lists them.
# targets:
#   web-1: { system: aws, type: instance, id: i-0123456789abcdef1, owner: platform-leads, labels: { tier: web } }
#   bastion: { system: aws, type: instance, id: i-0123456789abcdef2, owner: ${principal}, protected: The way in for everybody. }

# Never changed, whoever approves: what Firebreak itself runs on, and the way in to it.
# protected:
#   - { system: aws, type: instance, id: i-0123456789abcdef0, why: Firebreak runs here. }

# What services send to launch a runbook; a service of people.yaml speaks through it. \`firebreak hook test\` tries it.
# hooks:
#   guardduty:
#     runbook: aws-host-compromise
#     auth: { scheme: bearer, secrets: [{ file: .firebreak/guardduty-token }] }
#     when: \${{ body.detail.severity >= 7 && body.detail.type.startsWith("UnauthorizedAccess:EC2/") }}
#     id: \${{ body.detail.id }}
#     inputs:
#       instances: ["\${{ body.detail.resource.instanceDetails.instanceId }}"]
#       reason: GuardDuty \${{ body.detail.type }}, severity \${{ body.detail.severity }}. \${{ body.detail.title }}

# Without Slack the command line is the only door. README.md says how to make the app.
# slack:
#   team: T0123ABCD
#   channel: C0123ABCD
#   bot_id: B0123ABCD
#   bot_user_id: U0123ABCD
#   bot_token: { file: .firebreak/slack-token }
#   signing_secret: { file: .firebreak/slack-signing-secret }
`;
}

function people({ principal, publicKey }: NewWorkspace): string {
  const key = publicKey ?? `${fillIn}, the line of your .pub file; ssh-keygen -t ed25519 makes a key`;
  const id = scalar(principal);
  return `# yaml-language-server: $schema=${schemaFolder}/people.schema.json
# Who may launch, and who must agree. Whoever launches never decides, so others have to be here: for the first runbook two
# in security-oncall or platform-leads besides the one who launches it. \`firebreak validate\` says what is missing.
apiVersion: firebreak/v1
kind: People

principals:
  ${id}:
    ssh:
      - ${scalar(key)}
  # bob: # an example: each person with the key that they sign with, and their Slack account if there is one
  #   ssh:
  #     - ssh-ed25519 AAAA... bob
  #   slack:
  #     - { team: T0123ABCD, user: U0123ABCD }
  # guardduty: # an example: a service, which launches through its hook and can say nothing else
  #   service: { hook: guardduty, launches: [aws-host-compromise], owner: ${id} }

groups:
  responders: [${id}] # may launch
  security-oncall: [${id}] # asked first
  platform-leads: [] # asked as well
  security-leads: [] # paged when nobody decides

responders: [responders]
`;
}

/** As it ships, but for where its schema lies. */
function runbook(): string {
  const text = readFileSync(join(projectRoot, firstRunbook), 'utf8');
  return text.replaceAll('../../compiler/', `../../${schemaFolder}/`);
}

function editorSettings(): string {
  const settings = {
    'yaml.schemas': {
      [`./${schemaFolder}/installation.schema.json`]: 'firebreak.yaml',
      [`./${schemaFolder}/people.schema.json`]: 'people.yaml',
      [`./${schemaFolder}/runbook.schema.json`]: 'runbooks/**/*.{yaml,yml}',
    },
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

function editorExtensions(): string {
  return `${JSON.stringify({ recommendations: ['redhat.vscode-yaml'] }, null, 2)}\n`;
}

/** A text that YAML reads as that text, in quotes where it has to be. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}
