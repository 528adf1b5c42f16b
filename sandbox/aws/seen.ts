/**
 * What the shim has seen pass, where moto loses it: the groups that each interface was really given, whose interface it is,
 * which groups are gone, which keys are inactive or gone. Filled from requests that moto accepted; moto and shim live and die together.
 */
import { createHash } from 'node:crypto';
import { type Answer, listOf, type Query } from './query.js';
import { child, type Element, items, parseXml, textOf } from './xml.js';

interface SeenInterface {
  groups: string[];
  instance?: string;
  attachment?: string;
}

export interface Seen {
  interfaces: Map<string, SeenInterface>;
  terminated: Set<string>;
  deletedGroups: Set<string>;
  inactiveKeys: Set<string>;
  deletedKeys: Set<string>;
  /** Of values that were stored under a token, their digests, by `secretVersionKey`. */
  secretVersions: Map<string, string>;
  /** The first answer to each ClientToken, with the request it belongs to. */
  tokens: Map<string, { request: string; answer: Promise<Answer> }>;
}

export function nothingSeen(): Seen {
  return {
    interfaces: new Map(),
    terminated: new Set(),
    deletedGroups: new Set(),
    inactiveKeys: new Set(),
    deletedKeys: new Set(),
    secretVersions: new Map(),
    tokens: new Map(),
  };
}

/** Names a version of a secret: AWS takes the token of the request for its id. */
export function secretVersionKey({ region, params }: Query): string {
  return `${region}/${params['SecretId'] ?? ''}/${params['ClientRequestToken'] ?? ''}`;
}

export function valueDigest({ params }: Query): string {
  return createHash('sha256')
    .update(params['SecretString'] ?? params['SecretBinary'] ?? '')
    .digest('hex');
}

/** Takes note of a call that moto accepted. */
export function note(seen: Seen, query: Query, answer: Answer): void {
  if (answer.status !== 200) return;
  const { action, params } = query;
  const id = params['NetworkInterfaceId'] ?? '';
  switch (action) {
    case 'RunInstances':
      for (const instance of items(parseXml(answer.body), 'instancesSet')) noteInstance(seen, instance);
      return;
    case 'CreateNetworkInterface': {
      const made = child(parseXml(answer.body), 'networkInterface');
      seen.interfaces.set(textOf(made, 'networkInterfaceId') ?? '', { groups: groupsIn(made) });
      return;
    }
    case 'DeleteNetworkInterface':
      seen.interfaces.delete(id);
      return;
    case 'AttachNetworkInterface':
      change(seen, id, {
        instance: params['InstanceId'] ?? '',
        attachment: textOf(parseXml(answer.body), 'attachmentId') ?? '',
      });
      return;
    case 'DetachNetworkInterface':
      for (const [key, each] of seen.interfaces) {
        if (each.attachment === params['AttachmentId']) seen.interfaces.set(key, { groups: each.groups });
      }
      return;
    case 'ModifyNetworkInterfaceAttribute': {
      const groups = listOf(params, 'SecurityGroupId');
      if (groups.length > 0) change(seen, id, { groups });
      return;
    }
    case 'ModifyInstanceAttribute': {
      const groups = listOf(params, 'GroupId');
      if (groups.length > 0)
        for (const each of interfacesOf(seen, params['InstanceId'] ?? '')) change(seen, each, { groups });
      return;
    }
    case 'DeleteSecurityGroup':
      seen.deletedGroups.add(params['GroupId'] ?? '');
      return;
    case 'TerminateInstances':
      for (const instance of listOf(params, 'InstanceId')) {
        seen.terminated.add(instance);
        for (const each of interfacesOf(seen, instance)) seen.interfaces.delete(each);
      }
      return;
    case 'UpdateAccessKey':
      if (params['Status'] === 'Inactive') seen.inactiveKeys.add(params['AccessKeyId'] ?? '');
      else seen.inactiveKeys.delete(params['AccessKeyId'] ?? '');
      return;
    case 'PutSecretValue':
      seen.secretVersions.set(secretVersionKey(query), valueDigest(query));
      return;
    case 'DeleteAccessKey':
      seen.deletedKeys.add(params['AccessKeyId'] ?? '');
      return;
    default:
  }
}

export function interfacesOf(seen: Seen, instance: string): string[] {
  return [...seen.interfaces].filter(([, each]) => each.instance === instance).map(([id]) => id);
}

export function groupsIn(of: Element | undefined): string[] {
  return items(of, 'groupSet').map((item) => textOf(item, 'groupId') ?? '');
}

function noteInstance(seen: Seen, instance: Element): void {
  for (const each of items(instance, 'networkInterfaceSet')) {
    change(seen, textOf(each, 'networkInterfaceId') ?? '', {
      groups: groupsIn(each),
      instance: textOf(instance, 'instanceId') ?? '',
      attachment: textOf(child(each, 'attachment'), 'attachmentId') ?? '',
    });
  }
}

function change(seen: Seen, id: string, patch: Partial<SeenInterface>): void {
  seen.interfaces.set(id, { groups: [], ...seen.interfaces.get(id), ...patch });
}
