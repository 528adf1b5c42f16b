/** `targets` and `protected` of `firebreak.yaml`: what things are called, whose they are, and which are never changed. */
import * as z from 'zod';
import type { Protected } from '../core/installation.js';
import type { Inventory, NamedTarget } from '../core/inventory.js';
import { line, slug } from './forms.js';
import { readsAsId } from './inputs.js';
import { didYouMean, oneOf } from './problem.js';
import type { Report } from './report.js';

const thing = {
  system: z.string().describe('A name under systems.'),
  type: slug.describe('The type of the thing, such as instance.'),
  id: z.string().min(1).max(200).describe("The system's own id of the thing."),
};

const targetForm = z
  .strictObject({
    ...thing,
    owner: z.string().describe('The person or the group of people.yaml whose it is; shown to those who decide.'),
    labels: z
      .record(slug, z.string().max(100))
      .default({})
      .describe('What else is to be known of it, as in tier: web.'),
    protected: line.optional().describe('Why it must never be changed, whoever approves.'),
  })
  .meta({ title: 'target' });

export const targetsForm = z.record(slug, targetForm);

export const protectedForm = z.array(
  z
    .strictObject({
      target: slug.optional().describe('A name under targets; or system, type and id of a thing that has none.'),
      system: thing.system.optional(),
      type: thing.type.optional(),
      id: thing.id.optional(),
      why: line.describe('Why it must not be touched; shown when it is refused.'),
    })
    .meta({ title: 'protected target' }),
);

interface Forms {
  systems: Record<string, unknown>;
  targets?: z.output<typeof targetsForm> | undefined;
  protected: z.output<typeof protectedForm>;
}

export function compileTargets({ systems, targets = {} }: Forms, report: Report): Inventory {
  const names = Object.keys(systems);
  const byId = new Map<string, string>();
  for (const [name, { system, id }] of Object.entries(targets)) {
    const path = ['targets', name];
    if (!names.includes(system)) {
      const message = `unknown system "${system}"${didYouMean(system, names)}`;
      report.value([...path, 'system'], 'target.unknown-system', message, oneOf(names));
    }
    if (readsAsId(name)) {
      const message = `"${name}" reads as an id, and nobody could tell which is meant`;
      report.key(path, 'target.name-is-id', message, 'Give it a name that no system would, such as web-1.');
    }
    const other = byId.get(`${system} ${id}`);
    if (other === undefined) byId.set(`${system} ${id}`, name);
    else report.value([...path, 'id'], 'target.id-twice', `"${other}" is this id already`, 'Give each thing one name.');
  }
  return Object.fromEntries(Object.entries(targets).map(([name, form]) => [name, targetOf(form)]));
}

function targetOf({ protected: why, ...rest }: z.output<typeof targetForm>): NamedTarget {
  return why === undefined ? rest : { ...rest, protected: why };
}

/** Those that say so themselves come first; one that is named twice is protected once, for the first reason. */
export function compileProtected(forms: Forms, inventory: Inventory, report: Report): Protected[] {
  const all: Protected[] = Object.values(inventory).flatMap(({ system, type, id, protected: why }) =>
    why === undefined ? [] : [{ target: { system, type, id }, why }],
  );
  for (const [index, form] of forms.protected.entries()) {
    const target = protectedTarget(form, ['protected', index], Object.keys(forms.systems), inventory, report);
    if (target !== undefined) all.push({ target, why: form.why });
  }
  return all;
}

function protectedTarget(
  { target: name, system, type, id }: Forms['protected'][number],
  path: (string | number)[],
  systems: string[],
  inventory: Inventory,
  report: Report,
): Protected['target'] | undefined {
  const isWhole = system !== undefined && type !== undefined && id !== undefined;
  if (name === undefined ? !isWhole : [system, type, id].some((each) => each !== undefined)) {
    const message = 'this protected target must have either target, or system, type and id';
    report.value(path, 'protected.which', message, 'Name a target of the inventory, or write all three.');
    return undefined;
  }
  if (name !== undefined) {
    const named = Object.hasOwn(inventory, name) ? inventory[name] : undefined;
    if (named !== undefined) return { system: named.system, type: named.type, id: named.id };
    const names = Object.keys(inventory);
    const message = `unknown target "${name}"${didYouMean(name, names)}`;
    report.value([...path, 'target'], 'protected.unknown-target', message, oneOf(names));
    return undefined;
  }
  if (!isWhole) return undefined;
  if (!systems.includes(system)) {
    const message = `unknown system "${system}"${didYouMean(system, systems)}`;
    report.value([...path, 'system'], 'protected.unknown-system', message, oneOf(systems));
  }
  return { system, type, id };
}
