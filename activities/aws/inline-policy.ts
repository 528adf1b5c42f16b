/**
 * Policies of Firebreak's making inside a user or a role. They carry no tags, so they are ours by name, which names the
 * incident, and by content: anything else under that name is shown as found, replaced while containing, and never put back.
 */
import {
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import type { Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { askIam, sent } from './ask.js';
import { awsCode } from './errors.js';
import { type Principal, principalNamed } from './principal.js';
import { iamIdIn, iamTarget } from './targets.js';
import { untilSeen } from './until-seen.js';
import type { AwsWorld } from './world.js';

export interface PolicyPlace {
  principal: Principal;
  policy: string;
}

export function policyTarget(world: AwsWorld, { principal, policy }: PolicyPlace): Target {
  return iamTarget(world, 'inline-policy', `${principal.kind}/${principal.name}/${policy}`);
}

/** `role/web/firebreak-deny-all-inc-0123456789` */
export function placeOf(world: AwsWorld, target: Target): PolicyPlace {
  const [kind, name = '', policy = ''] = iamIdIn(world, target, 'inline-policy').split('/');
  if ((kind === 'user' || kind === 'role') && name !== '' && policy !== '')
    return { principal: { kind, name }, policy };
  throw new FirebreakError('aws.other-target', `${target.id} names no policy of ours (this is a bug).`, {
    nextStep: 'plan again.',
    target: target.id,
  });
}

/** The text of the policy, undefined when there is none. Where nobody of that name is, `aws.not-found`, unless that may be. */
export async function readPolicy(
  world: AwsWorld,
  place: PolicyPlace,
  { mayBeGone = false }: { mayBeGone?: boolean } = {},
): Promise<string | undefined> {
  try {
    return await documentAt(world, place);
  } catch (error) {
    if (awsCode(error) !== 'NoSuchEntity') throw error;
    // The same code says that there is no policy, and that there is nobody to have one.
    if (!mayBeGone) await principalNamed(world, place.principal);
    return undefined;
  }
}

async function documentAt(world: AwsWorld, { principal: { kind, name }, policy }: PolicyPlace): Promise<string> {
  if (kind === 'user') {
    const query = new GetUserPolicyCommand({ UserName: name, PolicyName: policy });
    const { PolicyDocument } = await askIam(world, query, { about: name });
    return decodeURIComponent(sent(PolicyDocument, 'iam:GetUserPolicy', 'policy document'));
  }
  const query = new GetRolePolicyCommand({ RoleName: name, PolicyName: policy });
  const { PolicyDocument } = await askIam(world, query, { about: name });
  return decodeURIComponent(sent(PolicyDocument, 'iam:GetRolePolicy', 'policy document'));
}

/** Sets the policy to this text, whatever is there, and waits until IAM shows it. */
export async function putPolicy(world: AwsWorld, place: PolicyPlace, document: Json): Promise<void> {
  const { principal, policy } = place;
  const text = JSON.stringify(document);
  try {
    await (principal.kind === 'user'
      ? askIam(
          world,
          new PutUserPolicyCommand({ UserName: principal.name, PolicyName: policy, PolicyDocument: text }),
          { about: principal.name },
        )
      : askIam(
          world,
          new PutRolePolicyCommand({ RoleName: principal.name, PolicyName: policy, PolicyDocument: text }),
          { about: principal.name },
        ));
  } catch (error) {
    throw awsCode(error) === 'LimitExceeded' ? noRoom(principal, error) : error;
  }
  await untilSeen(world, `${policy} of ${principal.name}`, async () => (await readPolicy(world, place)) === text);
}

/** Takes the policy away; one that is gone is away. */
export async function deletePolicy(world: AwsWorld, place: PolicyPlace): Promise<void> {
  const { principal, policy } = place;
  try {
    await (principal.kind === 'user'
      ? askIam(world, new DeleteUserPolicyCommand({ UserName: principal.name, PolicyName: policy }), {
          about: principal.name,
        })
      : askIam(world, new DeleteRolePolicyCommand({ RoleName: principal.name, PolicyName: policy }), {
          about: principal.name,
        }));
  } catch (error) {
    if (awsCode(error) !== 'NoSuchEntity') throw error;
  }
  await untilSeen(
    world,
    `${policy} of ${principal.name}`,
    async () => (await readPolicy(world, place, { mayBeGone: true })) === undefined,
  );
}

/** What was found under our name, as data; undefined when it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Then it is not ours, which is all that is asked.
    return undefined;
  }
}

/** Release takes away what is ours; what was there under our name could allow anything, and stays away. */
export function wouldPutBack({ principal, policy }: PolicyPlace): FirebreakError {
  return new FirebreakError(
    'aws.would-put-back-policy',
    `${principal.kind} ${principal.name} had a policy ${policy} before that was not Firebreak's; it is not put back.`,
    {
      nextStep: `find out who made it, then delete ${policy} by hand: until then it goes on denying.`,
      target: principal.name,
    },
  );
}

function noRoom({ kind, name }: Principal, cause: unknown): FirebreakError {
  return new FirebreakError(
    'aws.no-room-for-policy',
    `The inline policies of ${kind} ${name} leave no room for one more.`,
    {
      nextStep: `attach the managed policy AWSDenyAll to ${kind} ${name} by hand now; then make room and retry.`,
      target: name,
      cause,
    },
  );
}
