/**
 * Containment: a policy inside the user or role denies everything, to sessions that exist and to those to come, console and
 * keys alike. An explicit deny outweighs every allow, so nothing else of the principal has to be known or changed.
 * It does not reach what resource policies of other accounts allow to others, nor roles that were assumed from here before:
 * those need `revoke-role-sessions`. What denies is read back; AWS may take some seconds more until every service follows it.
 *
 * IAM can confine neither the name nor the content of inline policies: whoever may write them could also allow itself anything.
 * So in the executor's policy, in place of `*`, name the users and roles that may be contained, and not the one that it works as.
 */
import * as z from 'zod';
import { same } from '../../core/canonical.js';
import type { Json } from '../../core/json.js';
import { defineAction } from '../define-action.js';
import { deletePolicy, parsed, placeOf, policyTarget, putPolicy, readPolicy, wouldPutBack } from './inline-policy.js';
import { type Principal, principalNamed, refuseOwnPrincipal, roleName, userName } from './principal.js';
import type { AwsWorld } from './world.js';

const input = z
  .strictObject({ user: userName.exactOptional(), role: roleName.exactOptional() })
  .refine(({ user, role }) => (user === undefined) !== (role === undefined), 'name either a user or a role');

/** Null: there is no such policy. `document`: somebody else's under our name. */
const state = z.union([
  z.strictObject({ denies: z.literal('everything') }),
  z.strictObject({ document: z.string() }),
  z.null(),
]);

const denyAll = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'FirebreakDenyAll', Effect: 'Deny', Action: '*', Resource: '*' }],
} satisfies Json;

export const containPrincipal = defineAction<z.infer<typeof input>, z.infer<typeof state>, AwsWorld>({
  name: 'aws.contain-principal@1',
  summary: 'Deny everything to an IAM user or role, by a policy of its own that release takes away.',
  phase: 'contain',
  risk: 'disruptive',
  guarded: false, // a policy that somebody puts under our name must not keep us from denying
  oneWay: false,
  partsOpen: false,
  aspect: 'deny-all',
  permissions: [
    'iam:DeleteRolePolicy',
    'iam:DeleteUserPolicy',
    'iam:GetRole',
    'iam:GetRolePolicy',
    'iam:GetUser',
    'iam:GetUserPolicy',
    'iam:PutRolePolicy',
    'iam:PutUserPolicy',
    'sts:GetCallerIdentity',
  ],
  repeatable: 'The policy is set to a text under one name; a second write sets the same.',
  readLagMs: 0,
  example: { user: 'alice' },
  byHand: `
user="\${user:-}" role="\${role:-}"
# Whom you work as yourself: it must be neither the user nor the role.
aws sts get-caller-identity --query Arn --output text
if [ -n "$user" ] && [ -n "$role" ]; then
  echo "NOT CONTAINED: name either a user or a role, not $user and $role"
elif [ -n "$user" ]; then
  aws iam get-user --user-name "$user" --query User.Arn --output text
  aws iam put-user-policy --user-name "$user" --policy-name deny-all-by-hand \\
    --policy-document '${JSON.stringify(denyAll)}'
  # Must show what was put; an error means that nothing is denied.
  aws iam get-user-policy --user-name "$user" --policy-name deny-all-by-hand --query PolicyDocument --output json
elif [ -n "$role" ]; then
  aws iam get-role --role-name "$role" --query Role.Arn --output text
  aws iam put-role-policy --role-name "$role" --policy-name deny-all-by-hand \\
    --policy-document '${JSON.stringify(denyAll)}'
  aws iam get-role-policy --role-name "$role" --policy-name deny-all-by-hand --query PolicyDocument --output json
else
  echo "NOT CONTAINED: neither a user nor a role is named"
fi
unset user role
# To lift it: aws iam delete-user-policy --user-name USER --policy-name deny-all-by-hand (of a role: delete-role-policy).`,
  input,
  state,

  read: async (target, hold, world) => {
    const text = await readPolicy(world, placeOf(world, target), { mayBeGone: hold !== undefined });
    if (text === undefined) return { state: null };
    return { state: same(parsed(text), denyAll) ? { denies: 'everything' } : { document: text } };
  },
  plan: async (given, world) => {
    const principal = principalOf(given);
    await principalNamed(world, principal);
    await refuseOwnPrincipal(world, principal);
    const policy = `firebreak-deny-all-${world.incident}`;
    return [{ target: policyTarget(world, { principal, policy }), after: { denies: 'everything' } }];
  },
  write: async (target, wanted, _hold, world) => {
    const place = placeOf(world, target);
    if (wanted === null) await deletePolicy(world, place);
    else if ('document' in wanted) throw wouldPutBack(place);
    else {
      await refuseOwnPrincipal(world, place.principal);
      await putPolicy(world, place, denyAll);
    }
    return undefined;
  },
});

function principalOf({ user, role }: z.infer<typeof input>): Principal {
  return user === undefined ? { kind: 'role', name: role ?? '' } : { kind: 'user', name: user };
}
