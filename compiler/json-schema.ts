/** JSON Schemas for editors, generated from the forms. Draft 7 is the newest that the YAML language server takes. */
import * as z from 'zod';
import { installationForm } from './installation.js';
import { peopleForm } from './people.js';
import { runbookForm } from './runbook-schema.js';

/** By file name, beside this file. The committed files are checked against these. */
export function jsonSchemas(): Record<string, object> {
  return {
    'runbook.schema.json': schemaOf(runbookForm),
    'people.schema.json': schemaOf(peopleForm),
    'installation.schema.json': schemaOf(installationForm),
  };
}

function schemaOf(form: z.ZodType): object {
  return z.toJSONSchema(form, { target: 'draft-7', io: 'input' });
}
