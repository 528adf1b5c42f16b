/**
 * An EC2 that answers at once: what isolating needs of it and no more, in memory, one VPC. Any instance that is asked for is there,
 * with one interface. Says its address over IPC, and how often each action was called whenever it gets a message.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listOf, readQuery } from '../../../sandbox/aws/query.js';

interface Group {
  id: string;
  name: string;
  tags: [key: string, value: string][];
  rules: { id: string; egress: boolean; v6: boolean }[];
}

const vpc = 'vpc-00000001';
const subnet = 'subnet-00000001';
const groups = new Map<string, Group>();
/** By interface. */
const held = new Map<string, string[]>();
let made = 0;
let counts: Record<string, number> = {};

type Params = Record<string, string>;

const answers: Record<string, (params: Params) => string> = {
  DescribeInstances: (params) => {
    const [id] = listOf(params, 'InstanceId');
    const state = '<instanceState><code>16</code><name>running</name></instanceState>';
    const instance = `<item><instanceId>${id}</instanceId>${state}</item>`;
    return `<reservationSet><item><instancesSet>${instance}</instancesSet></item></reservationSet>`;
  },
  DescribeNetworkInterfaces: (params) => {
    const [named] = listOf(params, 'NetworkInterfaceId');
    const { 'attachment.instance-id': [instance] = [], 'group-id': [group] = [] } = filtersIn(params);
    const ids =
      group === undefined
        ? [named ?? `eni-${instance?.slice(2)}`]
        : [...held].flatMap(([id, of]) => (of.includes(group) ? [id] : []));
    return `<networkInterfaceSet>${ids.map(interfaceItem).join('')}</networkInterfaceSet>`;
  },
  DescribeSecurityGroups: (params) => {
    const ids = listOf(params, 'GroupId');
    const filters = filtersIn(params);
    const found = [...groups.values()].filter(
      (group) => (ids.length === 0 || ids.includes(group.id)) && has(group, filters),
    );
    return `<securityGroupInfo>${found.map(groupItem).join('')}</securityGroupInfo>`;
  },
  DescribeSecurityGroupRules: (params) => {
    const [id = ''] = filtersIn(params)['group-id'] ?? [];
    const rules = groups.get(id)?.rules ?? [];
    const items = rules.map(
      (rule) => `<item><securityGroupRuleId>${rule.id}</securityGroupRuleId><isEgress>${rule.egress}</isEgress></item>`,
    );
    return `<securityGroupRuleSet>${items.join('')}</securityGroupRuleSet>`;
  },
  DescribeNetworkAcls: () => {
    const entry =
      '<item><ruleNumber>100</ruleNumber><protocol>-1</protocol><ruleAction>allow</ruleAction><egress>false</egress><cidrBlock>0.0.0.0/0</cidrBlock></item>';
    return `<networkAclSet><item><networkAclId>acl-1</networkAclId><entrySet>${entry}</entrySet></item></networkAclSet>`;
  },
  CreateSecurityGroup: (params) => {
    const tags = Object.keys(params)
      .filter((key) => /^TagSpecification\.1\.Tag\.\d+\.Key$/.test(key))
      .map((key): [string, string] => [params[key] ?? '', params[key.replace(/Key$/, 'Value')] ?? '']);
    const id = groupNamed(params['GroupName'] ?? '', tags);
    return `<return>true</return><groupId>${id}</groupId>`;
  },
  AuthorizeSecurityGroupIngress: (params) => authorize(params, false),
  AuthorizeSecurityGroupEgress: (params) => authorize(params, true),
  RevokeSecurityGroupEgress: (params) => {
    const group = groups.get(params['GroupId'] ?? '');
    const gone = listOf(params, 'SecurityGroupRuleId');
    if (group !== undefined) group.rules = group.rules.filter(({ id }) => !gone.includes(id));
    return '<return>true</return>';
  },
  ModifyNetworkInterfaceAttribute: (params) => {
    held.set(params['NetworkInterfaceId'] ?? '', listOf(params, 'SecurityGroupId'));
    return '<return>true</return>';
  },
  DeleteSecurityGroup: (params) => {
    groups.delete(params['GroupId'] ?? '');
    return '<return>true</return>';
  },
};

const first = groupNamed('default', []);

function groupNamed(name: string, tags: Group['tags']): string {
  made += 1;
  const id = `sg-${made.toString(16).padStart(17, '0')}`;
  groups.set(id, { id, name, tags, rules: [{ id: `sgr-${made}-0`, egress: true, v6: false }] });
  return id;
}

function authorize(params: Params, egress: boolean): string {
  const group = groups.get(params['GroupId'] ?? '');
  const families = [
    params['IpPermissions.1.IpRanges.1.CidrIp'] === undefined ? [] : [false],
    params['IpPermissions.1.Ipv6Ranges.1.CidrIpv6'] === undefined ? [] : [true],
  ].flat();
  for (const v6 of families) group?.rules.push({ id: `${group.id}-${group.rules.length}`, egress, v6 });
  return '<return>true</return>';
}

function interfaceItem(id: string): string {
  const items = (held.get(id) ?? [first]).map((group) => `<item><groupId>${group}</groupId></item>`).join('');
  return `<item><networkInterfaceId>${id}</networkInterfaceId><subnetId>${subnet}</subnetId><vpcId>${vpc}</vpcId><requesterManaged>false</requesterManaged><groupSet>${items}</groupSet></item>`;
}

function groupItem({ id, name, tags, rules }: Group): string {
  const tagItems = tags.map(([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`).join('');
  const permissions = (egress: boolean): string =>
    rules
      .filter((rule) => rule.egress === egress)
      .map(permission)
      .join('');
  return `<item><groupId>${id}</groupId><groupName>${name}</groupName><vpcId>${vpc}</vpcId><tagSet>${tagItems}</tagSet><ipPermissions>${permissions(false)}</ipPermissions><ipPermissionsEgress>${permissions(true)}</ipPermissionsEgress></item>`;
}

function permission({ v6 }: Group['rules'][number]): string {
  const v4Range = v6 ? '' : '<item><cidrIp>0.0.0.0/0</cidrIp></item>';
  const v6Range = v6 ? '<item><cidrIpv6>::/0</cidrIpv6></item>' : '';
  return `<item><ipProtocol>-1</ipProtocol><groups/><ipRanges>${v4Range}</ipRanges><ipv6Ranges>${v6Range}</ipv6Ranges><prefixListIds/></item>`;
}

function filtersIn(params: Params): Record<string, string[]> {
  const names = Object.entries(params).filter(([key]) => /^Filter\.\d+\.Name$/.test(key));
  return Object.fromEntries(names.map(([key, name]) => [name, listOf(params, key.replace(/Name$/, 'Value'))]));
}

function has(group: Group, filters: Record<string, string[]>): boolean {
  return Object.entries(filters).every(([name, values]) => {
    if (name === 'group-name') return values.includes(group.name);
    if (name === 'group-id') return values.includes(group.id);
    if (name === 'vpc-id') return values.includes(vpc);
    return group.tags.some(([key, value]) => name === `tag:${key}` && values.includes(value));
  });
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { action, params } = readQuery(request, Buffer.concat(chunks).toString());
    counts[action] = (counts[action] ?? 0) + 1;
    const answer = answers[action];
    response.writeHead(answer === undefined ? 400 : 200, { 'content-type': 'text/xml' });
    const error = `<Response><Errors><Error><Code>NotPlayed</Code><Message>${action}</Message></Error></Errors></Response>`;
    response.end(answer === undefined ? error : `<${action}Response>${answer(params)}</${action}Response>`);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on('message', () => {
  process.send?.(counts);
  counts = {};
});
process.on('disconnect', () => process.exit());
