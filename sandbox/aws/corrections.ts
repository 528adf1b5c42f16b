/**
 * What moto answers otherwise than AWS does, put right. Each correction belongs to one entry of `gaps.ts`, where both
 * answers are described; `test/sandbox/aws/gaps.test.ts` shows both, so that a correction goes when moto no longer needs it.
 */
import type { GapId } from './gaps.js';
import { type Answer, errorAnswer, listOf, type Query } from './query.js';
import { groupsIn, interfacesOf, type Seen, secretVersionKey, valueDigest } from './seen.js';
import { child, type Element, items, parseXml, printXml, textOf } from './xml.js';

export interface Correction {
  gap: GapId;
  /** Answers in moto's place. */
  before?: (query: Query, seen: Seen) => Answer | undefined;
  /** Mends what moto answered. */
  after?: (query: Query, answer: Answer, seen: Seen) => Answer;
}

export const corrections: Correction[] = [
  {
    gap: 'inactive-key-works',
    before: (query, seen) => {
      return seen.inactiveKeys.has(query.accessKeyId) ? unknownKey(query) : undefined;
    },
  },
  {
    gap: 'deleted-key-is-somebody',
    before: (query, seen) => (seen.deletedKeys.has(query.accessKeyId) ? unknownKey(query) : undefined),
  },
  {
    gap: 'pending-value-overwritten',
    before: (query, seen) => {
      if (query.action !== 'PutSecretValue') return undefined;
      const stored = seen.secretVersions.get(secretVersionKey(query));
      if (stored === undefined || stored === valueDigest(query)) return undefined;
      return errorAnswer(
        query,
        400,
        'ResourceExistsException',
        `You can't use ClientRequestToken ${query.params['ClientRequestToken'] ?? ''} because that value is already in use for a version of secret ${query.params['SecretId'] ?? ''}.`,
      );
    },
  },
  {
    gap: 'refused-in-xml',
    after: (query, answer) => {
      if (query.service !== 'secretsmanager' || !answer.body.startsWith('<?xml')) return answer;
      const root = parseXml(answer.body);
      const error = root && [...everyElement(root)].find((each) => child(each, 'Code') !== undefined);
      const code = refusals[textOf(error, 'Code') ?? ''];
      return code === undefined ? answer : errorAnswer(query, 400, code, textOf(error, 'Message') ?? '');
    },
  },
  {
    // Never forwarded, because moto would carry some of them out; so permissions are not looked at, which AWS does first.
    gap: 'dry-run-executes',
    before: (query) =>
      query.service === 'ec2' && query.params['DryRun'] === 'true'
        ? errorAnswer(query, 412, 'DryRunOperation', 'Request would have succeeded, but DryRun flag is set.')
        : undefined,
  },
  {
    gap: 'instance-groups-with-many-interfaces',
    before: (query, seen) => {
      const instance = query.params['InstanceId'] ?? '';
      if (query.action !== 'ModifyInstanceAttribute' || listOf(query.params, 'GroupId').length === 0) return undefined;
      if (interfacesOf(seen, instance).length < 2) return undefined;
      return errorAnswer(
        query,
        400,
        'InvalidInstanceID',
        `There are multiple interfaces attached to instance '${instance}'. Please specify an interface ID for the operation instead.`,
      );
    },
  },
  {
    gap: 'group-deleted-while-in-use',
    before: (query, seen) => {
      const group = query.params['GroupId'] ?? '';
      if (query.action !== 'DeleteSecurityGroup') return undefined;
      if (![...seen.interfaces.values()].some(({ groups }) => groups.includes(group))) return undefined;
      return errorAnswer(query, 400, 'DependencyViolation', `resource ${group} has a dependent object`);
    },
  },
  {
    gap: 'gone-group-accepted',
    before: (query, seen) => {
      if (query.action !== 'ModifyNetworkInterfaceAttribute') return undefined;
      const gone = listOf(query.params, 'SecurityGroupId').find((group) => seen.deletedGroups.has(group));
      if (gone === undefined) return undefined;
      return errorAnswer(query, 400, 'InvalidGroup.NotFound', `The security group '${gone}' does not exist`);
    },
  },
  {
    gap: 'unknown-device-crashes',
    after: (query, answer) => {
      const device = query.params['BlockDeviceMapping.1.DeviceName'];
      if (query.action !== 'ModifyInstanceAttribute' || device === undefined || answer.status !== 500) return answer;
      return errorAnswer(query, 400, 'InvalidInstanceAttributeValue', `No device is currently mapped at ${device}`);
    },
  },
  {
    gap: 'interface-groups-are-a-union',
    after: (query, answer, seen) =>
      edited(query, answer, ['DescribeNetworkInterfaces', 'DescribeInstances', 'RunInstances'], (root) => {
        for (const element of everyElement(root)) keepOwnGroups(element, seen);
        for (const element of everyElement(root)) showPrimaryGroups(element);
      }),
  },
  {
    gap: 'terminated-instance-keeps-interfaces',
    after: (query, answer, seen) => {
      let gone = 0;
      const rest = edited(query, answer, ['DescribeNetworkInterfaces'], (root) => {
        const list = child(root, 'networkInterfaceSet');
        if (list === undefined) return;
        const there = list.children.filter(
          (each) => !seen.terminated.has(textOf(child(each, 'attachment'), 'instanceId') ?? ''),
        );
        gone = list.children.length - there.length;
        list.children = there;
      });
      const asked = listOf(query.params, 'NetworkInterfaceId');
      if (gone === 0 || asked.length === 0) return rest;
      const says = `The networkInterface ID '${asked.join(', ')}' does not exist`;
      return errorAnswer(query, 400, 'InvalidNetworkInterfaceID.NotFound', says);
    },
  },
];

/** What services that speak JSON call the refusals of those that speak XML. */
const refusals: Partial<Record<string, string>> = {
  AccessDenied: 'AccessDeniedException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
};

/** What each service says of a key that is no good. */
function unknownKey(query: Query): Answer {
  const says = 'The security token included in the request is invalid.';
  if (query.service === 'ec2')
    return errorAnswer(query, 401, 'AuthFailure', 'AWS was not able to validate the provided access credentials');
  if (query.service === 'secretsmanager') return errorAnswer(query, 400, 'UnrecognizedClientException', says);
  return errorAnswer(query, 403, 'InvalidClientTokenId', says);
}

function edited(query: Query, answer: Answer, actions: string[], edit: (root: Element) => void): Answer {
  if (answer.status !== 200 || !actions.includes(query.action)) return answer;
  const root = parseXml(answer.body);
  if (root === undefined) return answer;
  edit(root);
  return { ...answer, body: printXml(root) };
}

function* everyElement(element: Element): Generator<Element> {
  yield element;
  for (const each of element.children) yield* everyElement(each);
}

/** moto adds the groups of the instance to those of the interface, so the true ones are among what it shows. */
function keepOwnGroups(element: Element, seen: Seen): void {
  const own = seen.interfaces.get(textOf(element, 'networkInterfaceId') ?? '')?.groups;
  const list = child(element, 'groupSet');
  if (own === undefined || list === undefined) return;
  list.children = list.children.filter((item) => own.includes(textOf(item, 'groupId') ?? ''));
}

/** An instance shows the groups of its primary interface. */
function showPrimaryGroups(element: Element): void {
  const list = child(element, 'groupSet');
  if (list === undefined || textOf(element, 'instanceId') === undefined) return;
  const primary = items(element, 'networkInterfaceSet').find(
    (each) => textOf(child(each, 'attachment'), 'deviceIndex') === '0',
  );
  if (primary !== undefined && groupsIn(primary).length > 0) list.children = child(primary, 'groupSet')?.children ?? [];
}
