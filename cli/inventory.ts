/** `inventory`: what `firebreak.yaml` says there is, whose it is and what is never changed; offline, without secrets. */
import { loadBundle } from '../compiler/bundle.js';
import { units } from '../activities/index.js';
import { catalogOf } from '../compiler/catalog.js';
import type { AwsSystem, SecretRef } from '../core/installation.js';
import { knownAs } from '../core/inventory.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { table } from './table.js';
import { neededWorkspace } from './workspace.js';

export async function inventory({ out }: Call): Promise<ExitCode> {
  const { installation } = await loadBundle(neededWorkspace(), catalogOf(units));
  const { environment, systems, targets = {}, protected: all } = installation;
  const unnamed = all.filter(({ target }) => knownAs(targets, target.system, target.id) === undefined);
  const whyOf = (system: string, id: string): string =>
    all.find(({ target }) => target.system === system && target.id === id)?.why ?? '';
  const named = Object.entries(targets).map(([name, { system, type, id, owner, labels }]) => {
    const why = whyOf(system, id);
    return { name, system, type, id, owner, labels, ...(why === '' ? {} : { protected: why }) };
  });
  out.answer({ environment, systems, targets: named, protected: all }, [
    `Environment ${environment}`,
    '',
    ...table(
      ['SYSTEM', 'KIND', 'WHERE', 'CREDENTIALS'],
      Object.entries(systems).map(([name, system]) => [name, system.kind, whereOf(system), credentialsOf(system)]),
    ),
    '',
    ...(named.length === 0 && unnamed.length === 0
      ? ['Nothing has a name or is protected. Next: add `targets` to firebreak.yaml.']
      : table(
          ['TARGET', 'SYSTEM', 'TYPE', 'ID', 'OWNER', 'LABELS', 'PROTECTED'],
          [
            ...named.map(({ name, system, type, id, owner, labels, protected: why = '' }) => [
              name,
              system,
              type,
              id,
              owner,
              Object.entries(labels)
                .map(([key, value]) => `${key}=${value}`)
                .join(' '),
              why,
            ]),
            ...unnamed.map(({ target: { system, type, id }, why }) => ['', system, type, id, '', '', why]),
          ],
        )),
  ]);
  return exitCodes.done;
}

function whereOf({ region, endpoint, shownOn }: AwsSystem): string {
  return endpoint === undefined ? region : `${region} at ${endpoint} (${shownOn})`;
}

/** References only: what they lead to is read where it is needed, and not here. */
function credentialsOf({ credentials }: AwsSystem): string {
  if (credentials === undefined) return "the SDK's own chain";
  return [credentials.accessKeyId, credentials.secretAccessKey].map(refText).join(', ');
}

function refText(ref: SecretRef): string {
  return 'env' in ref ? `$${ref.env}` : ref.file;
}
