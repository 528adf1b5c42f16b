/**
 * Where moto 5.2.5 is known to answer otherwise than AWS, as far as the units of `activities/aws` could notice. Data, so that
 * it can be printed, and tested: `test/sandbox/aws/gaps.test.ts` shows each one on moto itself, and fails when moto mends it,
 * so that the correction can go.
 */
export interface Gap {
  id: string;
  /** The API action concerned. */
  action: string;
  moto: string;
  aws: string;
  /** Whether the shim puts it right. Where it does not, what it means for the proofs of the sandbox. */
  mended: boolean;
  consequence?: string;
}

export const gaps = [
  {
    id: 'interface-groups-are-a-union',
    action: 'ModifyNetworkInterfaceAttribute',
    moto: 'shows the groups of the interface and those of its instance together; the instance goes on showing its first groups',
    aws: 'shows exactly the groups that were set, on the interface and, for the primary one, on the instance',
    mended: true,
  },
  {
    id: 'instance-groups-with-many-interfaces',
    action: 'ModifyInstanceAttribute',
    moto: 'sets groups on an instance with several interfaces',
    aws: 'refuses with InvalidInstanceID: an interface must be named',
    mended: true,
  },
  {
    id: 'dry-run-executes',
    action: 'CreateNetworkAcl',
    moto: 'carries out several calls although DryRun is set',
    aws: 'answers DryRunOperation and changes nothing',
    mended: true,
  },
  {
    id: 'client-token-ignored',
    action: 'RunInstances',
    moto: 'starts another instance for the same ClientToken',
    aws: 'answers with the first instance; other parameters under the same token are IdempotentParameterMismatch',
    mended: true,
  },
  {
    id: 'group-deleted-while-in-use',
    action: 'DeleteSecurityGroup',
    moto: 'deletes a group that an interface holds',
    aws: 'refuses with DependencyViolation',
    mended: true,
  },
  {
    id: 'gone-group-accepted',
    action: 'ModifyNetworkInterfaceAttribute',
    moto: 'gives an interface a group that was deleted',
    aws: 'refuses with InvalidGroup.NotFound',
    mended: true,
  },
  {
    id: 'inactive-key-works',
    action: 'UpdateAccessKey',
    moto: 'goes on accepting a key that was made inactive',
    aws: 'refuses it: AuthFailure from EC2, UnrecognizedClientException from Secrets Manager, InvalidClientTokenId from others',
    mended: true,
  },
  {
    id: 'deleted-key-is-somebody',
    action: 'GetCallerIdentity',
    moto: 'says that a deleted key is a user called moto, as long as it checks no signatures',
    aws: 'refuses it with InvalidClientTokenId',
    mended: true,
  },
  {
    id: 'pending-value-overwritten',
    action: 'PutSecretValue',
    moto: 'stores another value under a token that was used before, while that version is AWSPENDING',
    aws: 'refuses it with ResourceExistsException: a version never changes',
    mended: true,
  },
  {
    id: 'refused-in-xml',
    action: 'DescribeSecret',
    moto: 'refuses a call without permission in XML, which a client that expects JSON cannot read',
    aws: 'refuses it with AccessDeniedException, in JSON',
    mended: true,
  },
  {
    id: 'current-value-is-the-old-one',
    action: 'GetSecretValue',
    moto: 'gives the old value to whoever names no stage, after UpdateSecretVersionStage has moved AWSCURRENT',
    aws: 'gives the version that is AWSCURRENT',
    mended: false,
    consequence: 'Units name the stage or the version in every call.',
  },
  {
    id: 'unknown-device-crashes',
    action: 'ModifyInstanceAttribute',
    moto: 'answers 500 with an HTML page for a device that the instance does not have',
    aws: 'refuses with InvalidInstanceAttributeValue',
    mended: true,
  },
  {
    id: 'terminated-instance-keeps-interfaces',
    action: 'TerminateInstances',
    moto: 'shows the interfaces of a terminated instance as still attached',
    aws: 'deletes those with DeleteOnTermination, which is the default of the primary one, and detaches the others',
    mended: true,
    consequence: 'The shim takes all of them away.',
  },
  {
    id: 'snapshots-complete-at-once',
    action: 'CreateSnapshots',
    moto: 'names no state in its answer, and every snapshot is complete at once',
    aws: 'answers `pending`; completing takes seconds to hours, and can end in `error`',
    mended: false,
    consequence: 'Waiting for snapshots is shown with `rewrite` faults.',
  },
  {
    id: 'snapshots-copy-no-tags',
    action: 'CreateSnapshots',
    moto: 'ignores CopyTagsFromSource',
    aws: "copies the volume's tags to its snapshot",
    mended: false,
    consequence: 'No unit uses it.',
  },
  {
    id: 'create-needs-no-tag-permission',
    action: 'CreateSecurityGroup',
    moto: 'lets a create call tag without ec2:CreateTags',
    aws: 'refuses it with UnauthorizedOperation',
    mended: false,
    consequence: 'That ec2:CreateTags is needed cannot be shown in the sandbox.',
  },
  {
    id: 'conditions-count-as-true',
    action: 'DeleteSecurityGroup',
    moto: 'takes nearly every Condition of an IAM policy as met',
    aws: 'evaluates it',
    mended: false,
    consequence:
      'Neither that a policy confines deletion to groups made by Firebreak, nor that new sessions of a role work while older ones are refused, can be shown in the sandbox.',
  },
  {
    id: 'denied-in-one-word',
    action: 'DescribeInstances',
    moto: 'says AccessDenied for whatever a policy denies, in EC2 too',
    aws: 'says UnauthorizedOperation in EC2, AccessDenied in IAM and others',
    mended: false,
    consequence: 'Units take both for a denial.',
  },
  {
    id: 'unknown-action-is-html',
    action: 'GetConsoleScreenshot',
    moto: 'answers 500 with an HTML page for an action that it does not have',
    aws: 'has the action, and answers unknown ones with InvalidAction in XML',
    mended: false,
    consequence: 'Units report `aws.answer-unreadable`; no unit depends on such an action.',
  },
] as const satisfies Gap[];

export type GapId = (typeof gaps)[number]['id'];
