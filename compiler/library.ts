/** Runbooks that others can include, by name: compiled when one asks for them, and never within themselves. */
import type { Catalog } from './catalog.js';
import { compileRunbook } from './compile.js';
import type { Found, Library } from './include.js';
import { formatProblem, isError } from './problem.js';
import { parseSource } from './source.js';

export interface LibrarySource {
  file: string;
  text: string;
}

export function libraryOf(
  sources: LibrarySource[],
  { catalog, systems }: { catalog: Catalog; systems?: readonly string[] | undefined },
): Library {
  let byName: Map<string, LibrarySource> | undefined;
  // Read only when a runbook includes another one, which most do not.
  const known = (): Map<string, LibrarySource> => {
    byName ??= new Map(
      sources.flatMap((source) => {
        const name = nameIn(source);
        return name === undefined ? [] : [[name, source] as const];
      }),
    );
    return byName;
  };
  // What compiles is the same wherever it is included, and is compiled once; what does not may be in a circle only there.
  const good = new Map<string, Found>();
  const library: Library = {
    names: () => [...known().keys()],
    find: (name, within) => {
      const source = known().get(name);
      if (source === undefined) return { why: 'unknown' };
      if (within.includes(name)) return { why: 'circle', way: [...within.slice(within.indexOf(name)), name] };
      const before = good.get(name);
      if (before !== undefined) return before;
      const { runbook, problems } = compileRunbook({ ...source, catalog, systems, library, within });
      if (runbook !== undefined) {
        good.set(name, { runbook });
        return { runbook };
      }
      const [first] = problems.filter(isError);
      return { why: 'broken', first: first === undefined ? source.file : formatProblem(first) };
    },
  };
  return library;
}

function nameIn({ file, text }: LibrarySource): string | undefined {
  const value = parseSource(file, text).source?.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { metadata } = value;
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return undefined;
  return typeof metadata['name'] === 'string' ? metadata['name'] : undefined;
}
