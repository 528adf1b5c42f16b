/**
 * Requests and answers of AWS's two protocols here: Query, which EC2, IAM and STS speak (a form in, XML out), and JSON 1.1,
 * which Secrets Manager speaks (the action in a header, JSON in and out).
 */

import type { IncomingHttpHeaders } from 'node:http';

export interface Query {
  /** `ec2`, `iam`, `secretsmanager`; empty when the request is not signed. */
  service: string;
  region: string;
  /** Empty when the request is not signed. */
  accessKeyId: string;
  /** Empty when this is no API call. */
  action: string;
  /** By name; of JSON requests those at the top, and whatever is no text as JSON. */
  params: Record<string, string>;
}

export interface Answer {
  status: number;
  body: string;
  contentType: string;
}

export function readQuery(
  { url = '/', headers }: { url?: string | undefined; headers: IncomingHttpHeaders },
  body: string,
): Query {
  const [accessKeyId = '', , region = '', service = ''] =
    /Credential=([^,\s]+)/.exec(headers.authorization ?? '')?.[1]?.split('/') ?? [];
  const signed = { service, region, accessKeyId };
  const target = headers['x-amz-target'];
  // `secretsmanager.GetSecretValue`
  if (typeof target === 'string')
    return { ...signed, action: target.split('.').at(-1) ?? '', params: jsonParams(body) };
  const form = new URLSearchParams(body === '' ? url.split('?')[1] : body);
  return { ...signed, action: form.get('Action') ?? '', params: Object.fromEntries(form) };
}

function jsonParams(body: string): Record<string, string> {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    // moto says what is wrong with it.
    return {};
  }
  const fields = Object.entries(typeof given === 'object' && given !== null ? given : {});
  return Object.fromEntries(
    fields.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/** Values of a list parameter, `SecurityGroupId.1`, `SecurityGroupId.2`, in order. */
export function listOf(params: Record<string, string>, name: string): string[] {
  return Object.entries(params)
    .filter(([key]) => new RegExp(`^${name}\\.\\d+$`).test(key))
    .toSorted(([a], [b]) => Number(a.slice(name.length + 1)) - Number(b.slice(name.length + 1)))
    .map(([, value]) => value);
}

export function xmlAnswer(status: number, body: string): Answer {
  return { status, body, contentType: 'text/xml' };
}

/** An error as the service of the request words it. */
export function errorAnswer({ service }: Query, status: number, code: string, message: string): Answer {
  if (service === 'secretsmanager') {
    const body = JSON.stringify({ __type: code, message });
    return { status, body, contentType: 'application/x-amz-json-1.1' };
  }
  const error = `<Code>${code}</Code><Message>${escape(message)}</Message>`;
  return xmlAnswer(
    status,
    service === 'ec2'
      ? `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>${error}</Error></Errors><RequestID>shim</RequestID></Response>`
      : `<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>shim</RequestId></ErrorResponse>`,
  );
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
