/** Secrets that are known by their looks. Configuration holds references to secrets, never secrets: files are shared and kept. */

const shapes: { kind: string; shape: RegExp }[] = [
  { kind: 'an AWS access key id', shape: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  { kind: 'a Slack token', shape: /\bxox[abeoprs]-[A-Za-z0-9-]{8,}/g },
  { kind: 'a Slack app token', shape: /\bxapp-[A-Za-z0-9-]{8,}/g },
  { kind: 'a Slack webhook address', shape: /https:\/\/hooks\.slack\.com\/[A-Za-z0-9/_-]+/g },
  { kind: 'a private key', shape: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/g },
  { kind: 'a GitHub token', shape: /\bgh[pousr]_[A-Za-z0-9]{20,}\b/g },
];

/** Every place of a text at which a secret begins; what it is, and never the secret itself. */
export function findSecrets(text: string): { offset: number; kind: string }[] {
  return shapes.flatMap(({ kind, shape }) => [...text.matchAll(shape)].map(({ index }) => ({ offset: index, kind })));
}
