/** What the next release does otherwise, so that a run that came to the wrong one would not go on. */
import { type Edits, buildRelease, type Release } from './release.js';

const begins = 'const begun = await control.begin(input);';
const looks = 'const result = await look(';
const imports: [string, string] = ['  continueAsNew,\n', '  continueAsNew,\n  patched,\n  sleep as rest,\n'];

/** Every run and containment may come to it, for all that is new stands behind a patch. */
export function patchedRelease(): Release {
  return buildRelease(edits(`if (patched('rest-first')) await rest(1);`));
}

/** A run of another release cannot go on with it; a containment can. */
export function otherRelease(): Release {
  return buildRelease(edits(`patched('rest-first'); await rest(1);`));
}

function edits(first: string): Edits {
  return {
    'workflows/run.ts': [imports, [begins, `${first}\n  ${begins}`]],
    'workflows/containment.ts': [imports, [looks, `if (patched('rest-before-looks')) await rest(1);\n    ${looks}`]],
  };
}
