/**
 * Containment: sessions of a role that were issued before a moment are refused, by a policy inside the role. Who may assume the
 * role gets new sessions that work; so this alone does not keep out an attacker who can (`contain-principal` does).
 *
 * The moment is an input: whoever launches says it, whoever approves sees it, and no retry moves it, for one that was taken from
 * the clock at write would quietly cut more than was approved. Sessions issued between the moment and the write survive. Whoever
 * wants those cut too, names a moment a little ahead: until it has come, new sessions of the role are refused as well.
 *
 * What is cut stays cut: release takes the policy away only when every session from before that moment must have expired, for
 * until then the stolen ones would come to life again. Until then it is refused, and the policy stays.
 */
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { defineAction } from '../define-action.js';
import {
  deletePolicy,
  parsed,
  placeOf,
  type PolicyPlace,
  policyTarget,
  putPolicy,
  readPolicy,
  wouldPutBack,
} from './inline-policy.js';
import { principalNamed, refuseOwnPrincipal, roleName } from './principal.js';
import type { AwsWorld } from './world.js';

/** The longest that AWS lets a session of a role live, whatever the role says now; it may have said otherwise when they were issued. */
const sessionMaxMs = 12 * 60 * 60_000;
/** The furthest that the moment may lie ahead: a slip in the date must not close the role for a year. */
const aheadMaxMs = 60 * 60_000;

const cutoff = z.iso
  .datetime({ message: 'a time in UTC such as 2026-01-31T22:15:00Z' })
  .describe('Sessions issued before this are refused.');

const input = z.strictObject({ role: roleName, cutoff });

/** Null: there is no such policy. `document`: somebody else's under our name. */
const state = z.union([
  z.strictObject({ sessionsIssuedBefore: z.string() }),
  z.strictObject({ document: z.string() }),
  z.null(),
]);
type State = z.infer<typeof state>;

const ours = z.strictObject({
  Version: z.literal('2012-10-17'),
  Statement: z.tuple([
    z.strictObject({
      Sid: z.literal('FirebreakRevokeOlderSessions'),
      Effect: z.literal('Deny'),
      Action: z.literal('*'),
      Resource: z.literal('*'),
      Condition: z.strictObject({ DateLessThan: z.strictObject({ 'aws:TokenIssueTime': z.string() }) }),
    }),
  ]),
});

export const revokeRoleSessions = defineAction<z.infer<typeof input>, State, AwsWorld>({
  name: 'aws.revoke-role-sessions@1',
  summary: 'Refuse all sessions of an IAM role that were issued before a moment; later ones work.',
  phase: 'contain',
  risk: 'disruptive',
  guarded: false, // a policy that somebody puts under our name must not keep us from denying
  oneWay: false, // the policy is taken away by release; that the sessions stay cut is seen to by `write`
  partsOpen: false,
  aspect: 'older-sessions',
  permissions: [
    'iam:DeleteRolePolicy',
    'iam:GetRole',
    'iam:GetRolePolicy',
    'iam:PutRolePolicy',
    'sts:GetCallerIdentity',
  ],
  repeatable:
    'The policy is set to a text under one name, with the moment that was approved; a second write sets the same.',
  readLagMs: 0,
  example: { role: 'web', cutoff: '2026-01-31T22:15:00Z' },
  byHand: `
# Whom you work as yourself: it must not be the role.
aws sts get-caller-identity --query Arn --output text
aws iam get-role --role-name "$role" --query Role.Arn --output text
# Sessions issued from now on are not cut; name a later time and do it again, under another name, if some must be.
case "$cutoff" in
  20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z)
    aws iam put-role-policy --role-name "$role" --policy-name revoke-sessions-by-hand \\
      --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"'"$cutoff"'"}}}]}'
    # Must show the time; an error means that nothing was cut.
    aws iam get-role-policy --role-name "$role" --policy-name revoke-sessions-by-hand --query PolicyDocument --output json ;;
  *) echo "NOT CUT: $role, for '$cutoff' is no time in UTC such as 2026-01-31T22:15:00Z" ;;
esac
unset role
# Not before 12 hours after that time, for stolen sessions may live so long:
#   aws iam delete-role-policy --role-name ROLE --policy-name revoke-sessions-by-hand`,
  input,
  state,

  read: async (target, hold, world) => ({
    state: await stateAt(world, placeOf(world, target), hold !== undefined),
  }),
  plan: async ({ role, cutoff: given }, world) => {
    const principal = { kind: 'role' as const, name: role };
    await principalNamed(world, principal);
    await refuseOwnPrincipal(world, principal);
    const moment = toSeconds(given);
    if (Date.parse(moment) > Date.now() + aheadMaxMs) throw tooFarAhead(role, moment);
    // A later moment in the same incident is a policy beside this one: what was cut by the first stays cut.
    const policy = `firebreak-revoke-sessions-${world.incident}-${moment.replaceAll(/[-:]/g, '')}`;
    return [{ target: policyTarget(world, { principal, policy }), after: { sessionsIssuedBefore: moment } }];
  },
  write: async (target, wanted, _hold, world) => {
    const place = placeOf(world, target);
    if (wanted === null) {
      refuseRevival(place, await stateAt(world, place, true));
      await deletePolicy(world, place);
    } else if ('document' in wanted) throw wouldPutBack(place);
    else {
      await refuseOwnPrincipal(world, place.principal);
      await putPolicy(world, place, denyingBefore(wanted.sessionsIssuedBefore));
    }
    return undefined;
  },
});

async function stateAt(world: AwsWorld, place: PolicyPlace, mayBeGone: boolean): Promise<State> {
  const text = await readPolicy(world, place, { mayBeGone });
  if (text === undefined) return null;
  const { data } = ours.safeParse(parsed(text));
  if (data === undefined) return { document: text };
  return { sessionsIssuedBefore: data.Statement[0].Condition.DateLessThan['aws:TokenIssueTime'] };
}

function denyingBefore(moment: string): Json {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'FirebreakRevokeOlderSessions',
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { DateLessThan: { 'aws:TokenIssueTime': moment } },
      },
    ],
  };
}

/** One spelling for one moment: sessions are issued at whole seconds. */
function toSeconds(moment: string): string {
  return `${new Date(moment).toISOString().slice(0, 19)}Z`;
}

/** While a session from before the moment may live, taking the policy away would bring it back. */
function refuseRevival({ principal }: PolicyPlace, held: State): void {
  if (held === null || !('sessionsIssuedBefore' in held)) return;
  const over = Date.parse(held.sessionsIssuedBefore) + sessionMaxMs;
  if (Date.now() >= over) return;
  const at = new Date(over).toISOString();
  throw new FirebreakError(
    'aws.sessions-would-revive',
    `Sessions of role ${principal.name} issued before ${held.sessionsIssuedBefore} may live until ${at}; without the policy they would work again.`,
    {
      nextStep: `release it again after ${at}. Sessions issued later are not touched by it.`,
      target: principal.name,
    },
  );
}

function tooFarAhead(role: string, moment: string): FirebreakError {
  return new FirebreakError(
    'aws.cutoff-too-far-ahead',
    `${moment} would refuse every session of role ${role} until then.`,
    {
      nextStep: `name a moment at most ${aheadMaxMs / 60_000} minutes ahead; to refuse all sessions, use aws.contain-principal@1.`,
      target: role,
    },
  );
}
