/** Requests and answers of AWS's Query protocol, which EC2 and IAM speak: a form in, XML out. */

export interface Query {
  /** `ec2`, `iam`; empty when the request is not signed. */
  service: string;
  region: string;
  /** Empty when the request is not signed. */
  accessKeyId: string;
  /** Empty when this is no API call. */
  action: string;
  params: Record<string, string>;
}

export interface Answer {
  status: number;
  body: string;
  contentType: string;
}

export function readQuery(url: string, authorization: string, body: string): Query {
  const form = new URLSearchParams(body === '' ? url.split('?')[1] : body);
  const [accessKeyId = '', , region = '', service = ''] =
    /Credential=([^,\s]+)/.exec(authorization)?.[1]?.split('/') ?? [];
  return { service, region, accessKeyId, action: form.get('Action') ?? '', params: Object.fromEntries(form) };
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
