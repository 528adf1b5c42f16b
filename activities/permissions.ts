/**
 * The least IAM policy under which units work, generated from what they declare. An executor holds this and nothing else.
 * EC2's reading actions know no resources, and most of its modifying ones must work on whatever is under attack; so a policy
 * confines what can be confined: groups are opened, emptied and deleted only where Firebreak made them.
 */
import type { Runbook } from '../core/runbook.js';
import { incidentTagKey } from './aws/tags.js';
import type { AnyUnit } from './define-action.js';
import { unitNamed } from './index.js';

export interface PolicyDocument {
  Version: '2012-10-17';
  Statement: PolicyStatement[];
}

export interface PolicyStatement {
  Sid: string;
  Effect: 'Allow';
  Action: string[];
  Resource: '*';
  Condition?: Record<string, Record<string, string | string[]>>;
}

interface Group {
  sid: string;
  has: (action: string) => boolean;
  condition?: (actions: string[]) => NonNullable<PolicyStatement['Condition']>;
}

/** Actions on security groups that are only ever meant for groups of our own making. */
const onOwnGroups = new Set([
  'ec2:AuthorizeSecurityGroupEgress',
  'ec2:AuthorizeSecurityGroupIngress',
  'ec2:DeleteSecurityGroup',
  'ec2:RevokeSecurityGroupEgress',
  'ec2:RevokeSecurityGroupIngress',
]);

/** Creating calls that set tags; tagging is allowed within these and not by itself. */
const taggingCalls = ['CreateSecurityGroup', 'CreateSnapshots'];

/** The first group that has an action takes it. */
const groups: Group[] = [
  { sid: 'Read', has: (action) => /^\w+:(Describe|Get|List)/.test(action) },
  {
    sid: 'ChangeOwnGroups',
    has: (action) => onOwnGroups.has(action),
    condition: () => ({ Null: { [`aws:ResourceTag/${incidentTagKey}`]: 'false' } }),
  },
  {
    sid: 'TagWhatIsCreated',
    has: (action) => action === 'ec2:CreateTags',
    condition: (actions) => ({
      StringEquals: { 'ec2:CreateAction': taggingCalls.filter((call) => actions.includes(`ec2:${call}`)) },
    }),
  },
  { sid: 'Change', has: () => true },
];

/** The policy for these units together. */
export function policyOf(units: Pick<AnyUnit, 'permissions'>[]): PolicyDocument {
  const actions = [...new Set(units.flatMap(({ permissions }) => permissions))].toSorted();
  const groupOf = (action: string) => groups.find((group) => group.has(action));
  const Statement = groups.flatMap((group): PolicyStatement[] => {
    const own = actions.filter((action) => groupOf(action) === group);
    if (own.length === 0) return [];
    const { sid: Sid, condition } = group;
    return [
      {
        Sid,
        Effect: 'Allow',
        Action: own,
        Resource: '*',
        ...(condition === undefined ? {} : { Condition: condition(actions) }),
      },
    ];
  });
  return { Version: '2012-10-17', Statement };
}

/** The units that a runbook uses, each once; its release uses the same. */
export function unitsOf({ steps }: Pick<Runbook, 'steps'>): AnyUnit[] {
  const names = steps.flatMap(({ work }) => ('unit' in work ? [work.unit] : []));
  return [...new Set(names)].map(unitNamed);
}
