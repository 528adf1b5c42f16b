// Whatever stands in people.yaml and firebreak.yaml: their compiled form, or problems at places that exist, within a second.
import { expect, test } from 'vitest';
import { compileInstallation } from '../../compiler/installation.js';
import { compilePeople } from '../../compiler/people.js';
import { canonical } from '../../core/canonical.js';
import { installationText, peopleText, targetsText } from '../compiler/examples.js';
import { withHooks } from '../gateway/hooks/support.js';
import { fuzz } from './support/fuzz.js';
import { placed } from './support/placed.js';
import { yamlFiles } from './support/yaml-files.js';

/** As it is first written, and with what else it can hold. */
const directories = [
  peopleText,
  `apiVersion: firebreak/v1
kind: People
principals: { alice: {}, bob: { name: Bob }, carol: { revoked: 2031-01-02T03:04:05Z } }
groups: { security-oncall: [alice, bob, carol] }
responders: [security-oncall]
`,
  withHooks.people(peopleText),
];

/** With targets, and with the hooks of the page. */
const installations = [installationText, withHooks.installation(`${installationText}${targetsText}`)];

test('the good ones are good', () => {
  for (const text of directories) expect(compilePeople({ file: 'people.yaml', text }).problems).toEqual([]);
  for (const text of installations) expect(compileInstallation({ file: 'firebreak.yaml', text }).problems).toEqual([]);
});

test('people.yaml', async () => {
  await fuzz({
    name: 'people file',
    of: yamlFiles(directories),
    reaches: ['compiled', 'yaml.syntax', 'people.unknown-member', 'people.ssh-key'],
    run: (text) => {
      const { people, problems } = compilePeople({ file: 'people.yaml', text });
      const first = placed(problems, text);
      expect(people === undefined).toBe(first !== undefined);
      if (people !== undefined) expect(people).toEqual(JSON.parse(canonical(people)));
      return first ?? 'compiled';
    },
  });
});

test('firebreak.yaml', async () => {
  await fuzz({
    name: 'installation file',
    of: yamlFiles(installations),
    reaches: ['compiled', 'yaml.syntax', 'gateway.listen', 'secret.literal'],
    run: (text) => {
      const { installation, problems } = compileInstallation({ file: 'firebreak.yaml', text });
      const first = placed(problems, text);
      expect(installation === undefined).toBe(first !== undefined);
      if (installation !== undefined) expect(installation).toEqual(JSON.parse(canonical(installation)));
      return first ?? 'compiled';
    },
  });
});
