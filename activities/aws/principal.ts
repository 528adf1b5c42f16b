/** Users and roles of IAM by name, and which of them is Firebreak's own: that one is never touched. */
import { GetRoleCommand, GetUserCommand } from '@aws-sdk/client-iam';
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import { askIam, askWhoWeAre, sent } from './ask.js';
import { answerUnreadable } from './errors.js';
import type { AwsWorld } from './world.js';

export const userName = z.string().regex(/^[\w+=,.@-]{1,64}$/, 'a user of IAM is named without its path, like alice');
export const roleName = z.string().regex(/^[\w+=,.@-]{1,64}$/, 'a role of IAM is named without its path, like web');

export interface Principal {
  kind: 'user' | 'role';
  name: string;
}

/** Throws `aws.not-found` when there is none of that name, and when IAM spells it otherwise: what is protected is compared by name. */
export async function principalNamed(world: AwsWorld, { kind, name }: Principal): Promise<void> {
  const found =
    kind === 'user'
      ? (await askIam(world, new GetUserCommand({ UserName: name }), { about: name })).User?.UserName
      : (await askIam(world, new GetRoleCommand({ RoleName: name }), { about: name })).Role?.RoleName;
  const action = kind === 'user' ? 'iam:GetUser' : 'iam:GetRole';
  if (sent(found, action, `name of the ${kind}`) === name) return;
  throw new FirebreakError('aws.not-found', `IAM knows no ${kind} ${name}, but one that is spelt ${found}.`, {
    nextStep: 'name it as IAM spells it.',
    target: name,
  });
}

/** Refuses the principal that Firebreak itself works as; what else it rests on is listed as `protected` in firebreak.yaml. */
export async function refuseOwnPrincipal(world: AwsWorld, { kind, name }: Principal): Promise<void> {
  const own = principalIn(await askWhoWeAre(world));
  if (own === undefined || own.kind !== kind || own.name !== name) return;
  throw new FirebreakError('aws.own-principal', `${kind} ${name} is the one that Firebreak itself works as.`, {
    nextStep:
      'give the executor other credentials first; if these are the stolen ones, contain them by hand with an administrator.',
    target: name,
  });
}

/** Refuses the key with which this very request is signed. */
export async function refuseOwnKey(world: AwsWorld, key: string): Promise<void> {
  const { accessKeyId } = await world.iam.config.credentials();
  if (accessKeyId !== key) return;
  throw new FirebreakError('aws.own-key', `${key} is the key that Firebreak itself works with.`, {
    nextStep: 'give the executor another key first, in what firebreak.yaml refers to, then launch again.',
    target: key,
  });
}

/** Who an ARN is of. Undefined for the account itself, which is no user and no role. An ARN that names nobody we can compare refuses. */
export function principalIn(arn: string): Principal | undefined {
  const user = /:user\/(?:.*\/)?([^/]+)$/.exec(arn)?.[1];
  if (user !== undefined) return { kind: 'user', name: user };
  const role = /:assumed-role\/([^/]+)\/[^/]+$/.exec(arn)?.[1];
  if (role !== undefined) return { kind: 'role', name: role };
  if (arn.endsWith(':root')) return undefined;
  throw answerUnreadable('sts:GetCallerIdentity', `${arn} names neither a user nor a role`);
}
