/** `people.yaml`: who exists, how they can be recognised, which groups they are in, and the keys of services. */
import * as z from 'zod';
import type { People, Principal, ServiceKey } from '../core/people.js';
import { apiVersion, isoTime, line, slug } from './forms.js';
import { ed25519Key, sshKey } from './public-key.js';
import { didYouMean, inOrder, isError, oneOf, type Problem } from './problem.js';
import { untilTooMany } from './problems-max.js';
import { type Report, reportOn } from './report.js';
import { check } from './shape.js';
import { parseSource } from './source.js';

/** Names under which parts of Firebreak itself stand in the journal; a person of that name would be taken for one. */
const reservedIds = ['engine', 'executor', 'gateway', 'journal', 'worker', 'firebreak'];

/** How people and services are called. */
export const principalId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._@-]*$/, { error: 'must be lower-case letters, digits and . _ @ -' })
  .max(64)
  .refine((id) => !reservedIds.includes(id), { error: 'stands for a part of Firebreak itself' });

const principalForm = z
  .strictObject({
    name: line.optional().describe('The full name, for people to read.'),
    slack: z
      .array(
        z
          .strictObject({
            team: z
              .string()
              .regex(/^[TE][A-Z0-9]+$/, { error: 'must be an id of a Slack workspace, such as T0123ABCD' })
              .describe('The id of the workspace.'),
            user: z
              .string()
              .regex(/^[UW][A-Z0-9]+$/, { error: 'must be an id of a Slack member, such as U0123ABCD' })
              .describe('The member id, not the name.'),
          })
          .meta({ title: 'Slack identity' }),
      )
      .max(20)
      .default([])
      .describe('Slack accounts of this person.'),
    ssh: z
      .array(z.string().max(10_000))
      .max(20)
      .default([])
      .describe('OpenSSH public keys of this person, as in a .pub file.'),
    service: z
      .strictObject({
        hook: slug.describe('A name under `hooks` of firebreak.yaml; it speaks in no other way.'),
        launches: z
          .array(slug)
          .min(1)
          .max(100)
          .describe('Names of the runbooks that it may launch; nothing else that it says counts.'),
        owner: z.string().describe('The person who is paged for its runs until they are handed over.'),
      })
      .meta({ title: 'service' })
      .optional()
      .describe('Only of a service, which is no person and in no group: through which hook it launches what.'),
    revoked: isoTime
      .optional()
      .describe('Since when nothing of theirs counts. Keep the person listed, so that old statements can be read.'),
  })
  .meta({ title: 'principal' });

export const peopleForm = z
  .strictObject({
    apiVersion,
    kind: z.literal('People').describe('Write `People`.'),
    principals: z
      .record(principalId, principalForm)
      .describe('People and services by id, whatever identity they speak with.'),
    groups: z.record(slug, z.array(z.string()).max(1000)).describe('Groups that gates name, and their members.'),
    responders: z.array(z.string()).min(1).describe('Groups whose members may launch runbooks.'),
    keys: z
      .array(
        z
          .strictObject({
            id: z
              .string()
              .regex(/^[a-z0-9][a-z0-9-]*$/, { error: 'must be lower-case letters, digits and hyphens' })
              .describe('Names the key in signatures.'),
            use: z
              .enum(['gateway', 'journal'])
              .describe('`gateway` attests requests of Slack and of hooks, `journal` signs appends.'),
            public: z.string().describe('The Ed25519 public key, SPKI in base64.'),
            revoked: isoTime.optional().describe('Since when its signatures do not count.'),
          })
          .meta({ title: 'key' }),
      )
      .default([])
      .describe('Public keys of services.'),
  })
  .meta({ title: 'people', description: 'The directory of a Firebreak installation.' });

type PeopleForm = z.output<typeof peopleForm>;

export type CompiledPeople = { people: People; problems: Problem[] } | { people?: undefined; problems: Problem[] };

export function compilePeople(input: { file: string; text: string }): CompiledPeople {
  return untilTooMany(() => compileFile(input));
}

function compileFile({ file, text }: { file: string; text: string }): CompiledPeople {
  const { source, problems } = parseSource(file, text);
  if (source === undefined) return { problems: inOrder(problems) };
  const checked = check(peopleForm, source);
  const report = reportOn(source);
  const { form } = checked;
  if (form !== undefined) {
    checkIdentities(form, report);
    checkServices(form, report);
    checkGroups(form, report);
    checkKeys(form, report);
  }
  const all = inOrder([...problems, ...checked.problems, ...report.problems]);
  return form === undefined || all.some(isError) ? { problems: all } : { people: peopleOf(form), problems: all };
}

/** One identity, one person: an identity that two could claim would let one pair of hands approve twice. */
function checkIdentities(form: PeopleForm, report: Report): void {
  const claimed = new Map<string, string>();
  const claim = (identity: string, what: string, id: string, path: (string | number)[]): void => {
    const owner = claimed.get(identity);
    if (owner === undefined) claimed.set(identity, id);
    else if (owner === id)
      report.value(path, 'people.identity-twice', `this ${what} is here twice for ${id}`, 'Remove one of the two.');
    else
      report.value(
        path,
        'people.identity-claimed',
        `this ${what} belongs to ${owner} already`,
        `Decide whose it is. If ${owner} and ${id} are one person, list one principal.`,
      );
  };
  for (const [id, { slack, ssh, service }] of Object.entries(form.principals)) {
    if (service !== undefined) claim(`hook ${service.hook}`, 'hook', id, ['principals', id, 'service', 'hook']);
    for (const [index, { team, user }] of slack.entries())
      claim(`slack ${team} ${user}`, 'Slack account', id, ['principals', id, 'slack', index]);
    for (const [index, text] of ssh.entries()) {
      const path = ['principals', id, 'ssh', index];
      const key = sshKey(text);
      if (key.fault === undefined) claim(`ssh ${key.blob}`, 'SSH key', id, path);
      else
        report.value(
          path,
          'people.ssh-key',
          `this SSH key cannot be used: ${key.fault}`,
          'Paste the whole line of the .pub file.',
        );
    }
  }
}

/** What a person can be, a service is not: it would launch with one identity and agree with the other. */
function checkServices({ principals }: PeopleForm, report: Report): void {
  const people = Object.keys(principals).filter((id) => principals[id]?.service === undefined);
  for (const [id, { slack, ssh, service }] of Object.entries(principals)) {
    if (service === undefined) continue;
    for (const [identity, list] of Object.entries({ slack, ssh })) {
      if (list.length > 0)
        report.key(
          ['principals', id, identity],
          'people.service-identity',
          `${id} is a service and speaks through its hook alone`,
          'Remove this, or list the person as a principal of their own.',
        );
    }
    const path = ['principals', id, 'service', 'owner'];
    const { owner } = service;
    if (!people.includes(owner))
      report.value(
        path,
        'people.unknown-owner',
        `"${owner}" is no person here${didYouMean(owner, people)}`,
        oneOf(people),
      );
    else if (principals[owner]?.revoked !== undefined)
      report.note(
        path,
        'people.revoked-owner',
        `${owner} was revoked, and would be paged for what ${id} launches`,
        'Name somebody who can answer.',
      );
  }
}

function checkGroups(form: PeopleForm, report: Report): void {
  const ids = Object.keys(form.principals);
  const groups = Object.keys(form.groups);
  for (const [group, members] of Object.entries(form.groups)) {
    for (const [index, member] of members.entries()) {
      const path = ['groups', group, index];
      if (!ids.includes(member))
        report.value(
          path,
          'people.unknown-member',
          `unknown principal "${member}"${didYouMean(member, ids)}`,
          oneOf(ids),
        );
      else if (form.principals[member]?.service !== undefined)
        report.value(
          path,
          'people.service-in-group',
          `${member} is a service, and only people are in groups`,
          'Remove it here; what it may launch stands under its `launches`.',
        );
      else if (members.indexOf(member) < index)
        report.value(path, 'people.member-twice', `${member} is in this group twice`, 'Remove one of the two.');
    }
  }
  for (const [index, group] of form.responders.entries()) {
    if (!groups.includes(group))
      report.value(
        ['responders', index],
        'people.unknown-group',
        `unknown group "${group}"${didYouMean(group, groups)}`,
        oneOf(groups),
      );
  }
  const responders = form.responders.flatMap((group) => form.groups[group] ?? []);
  if (
    form.responders.every((group) => groups.includes(group)) &&
    !responders.some((id) => form.principals[id] && !form.principals[id].revoked)
  ) {
    report.value(
      ['responders'],
      'people.no-responder',
      'nobody is a responder, so nobody could launch anything',
      'Add active people to these groups.',
    );
  }
}

function checkKeys(form: PeopleForm, report: Report): void {
  const ids = new Set<string>();
  const blobs = new Set<string>();
  for (const [index, { id, public: text }] of form.keys.entries()) {
    const path = ['keys', index];
    if (ids.has(id))
      report.value(
        [...path, 'id'],
        'people.key-id-twice',
        `there is a key "${id}" already`,
        'Give each key an id of its own.',
      );
    ids.add(id);
    const key = ed25519Key(text);
    if (key.fault !== undefined)
      report.value(
        [...path, 'public'],
        'people.public-key',
        `this public key cannot be used: ${key.fault}`,
        'Give an Ed25519 public key, SPKI in base64.',
      );
    else if (blobs.has(key.blob))
      report.value([...path, 'public'], 'people.key-twice', 'this key is here twice', 'One key is for one use.');
    else blobs.add(key.blob);
  }
}

function peopleOf(form: PeopleForm): People {
  const principals = Object.entries(form.principals).map(([id, each]): [string, Principal] => {
    const { name, slack, ssh, service, revoked } = each;
    const principal: Principal = { id, slack, ssh: ssh.map((key) => key.trim()) };
    if (name !== undefined) principal.name = name;
    if (service !== undefined) principal.service = service;
    if (revoked !== undefined) principal.revokedAt = new Date(revoked).toISOString();
    return [id, principal];
  });
  const keys = form.keys.map(({ id, use, public: publicKey, revoked }): ServiceKey => {
    const key: ServiceKey = { id, use, publicKey };
    return revoked === undefined ? key : { ...key, revokedAt: new Date(revoked).toISOString() };
  });
  return { principals: Object.fromEntries(principals), groups: form.groups, responders: form.responders, keys };
}
