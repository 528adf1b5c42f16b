/** How files name a secret: where it is read from, never what it is. */
import * as z from 'zod';
import { secretTitle } from './shape.js';

export const secretRef = z
  .union([
    z.strictObject({ file: z.string().min(1).describe('A file that only its owner can read, relative to this one.') }),
    z.strictObject({
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
        .describe("A variable of the process's environment."),
    }),
  ])
  .meta({
    title: secretTitle,
    description: 'Write { file: path } or { env: NAME }: where the secret is read from when it is needed.',
  });
