/**
 * What histories are recorded of: the shipped runbooks, and small ones with everything else that a runbook can ask for, each as
 * responders play it. A story's runs are kept under its name; names stay, so that a new recording can be laid beside an old one.
 */
import { everyStep } from './every-step.js';
import { foundAndFailed } from './found-and-failed.js';
import type { Flagship } from './play.js';
import { shipped } from './shipped.js';

export const flagships: Flagship[] = [...shipped, ...everyStep, ...foundAndFailed];
