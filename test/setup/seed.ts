// Properties are tried on the same values each time, so that a change is what makes a test fail. Others, as many as wanted:
// `FIREBREAK_FUZZ_SEED=7 npm test`. What is found that way belongs into a test of its own.
import * as fc from 'fast-check';

const given = process.env['FIREBREAK_FUZZ_SEED'] ?? '1';
if (!/^\d{1,9}$/.test(given)) throw new Error(`FIREBREAK_FUZZ_SEED is a number of up to nine digits, not "${given}".`);

fc.configureGlobal({ seed: Number(given) });
