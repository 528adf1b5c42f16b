/** Folders that the sandbox and the demo write over. Each takes only what is new, empty, or marked as its own by an earlier one. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FirebreakError } from '../core/errors.js';

export const secretNames = [
  'aws-access-key-id',
  'aws-secret-access-key',
  'slack-bot-token',
  'slack-signing-secret',
] as const;

/** What each start of a sandbox writes anew. */
const sandboxFiles = ['firebreak.yaml', 'people.yaml', ...secretNames.map((name) => join('secrets', name))];

/** Stays when the sandbox stops, so that the next start may write over what the last one wrote. */
const sandboxMarker = (root: string) => join(root, '.firebreak', 'is-a-sandbox');

/** Refuses a folder with files of somebody else that a sandbox would write over, such as a real workspace. */
export function refuseOthers(root: string): void {
  if (existsSync(sandboxMarker(root))) return;
  const found = sandboxFiles.find((name) => existsSync(join(root, name)));
  if (found === undefined) return;
  throw new FirebreakError(
    'sandbox.not-a-sandbox',
    `${root} holds ${found}, and nothing there says that a sandbox made it: it was left as it is.`,
    {
      nextStep: 'name another folder with `--workspace`, or none: the sandbox is then made in out/sandbox.',
      target: join(root, found),
    },
  );
}

/** The mark is made before anything else is written: a start that dies half-way can be repeated. */
export function claimSandbox(root: string): void {
  refuseOthers(root);
  mkdirSync(join(root, '.firebreak'), { recursive: true, mode: 0o700 });
  writeFileSync(
    sandboxMarker(root),
    'A sandbox. The next `firebreak sandbox up` writes over what lies in this folder.\n',
  );
}

/** All that a demo writes into its folder, and all that the next one removes there. */
export const demoParts = {
  workspace: 'workspace',
  jsonl: 'timeline.jsonl',
  markdown: 'timeline.md',
  slack: 'slack.html',
  marker: '.firebreak-demo',
} as const;

/** Refuses a folder with anything in it but an earlier demo, which goes; what a person put beside that demo stays. */
export function claimDemo(out: string): void {
  const found = statSync(out, { throwIfNoEntry: false });
  const isOurs = existsSync(join(out, demoParts.marker));
  if (found !== undefined && !isOurs && (!found.isDirectory() || readdirSync(out).length > 0)) {
    throw new FirebreakError('demo.not-a-demo', `${out} holds what no earlier demo made: it was left as it is.`, {
      nextStep: 'name a folder that is new or empty with `--out`.',
      target: out,
    });
  }
  for (const name of Object.values(demoParts)) rmSync(join(out, name), { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, demoParts.marker), 'A demo. The next `firebreak demo` into this folder replaces it.\n');
}
