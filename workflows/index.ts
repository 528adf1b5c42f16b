/** The workflow build's entry: what a control worker can run. */
export { containment } from './containment.js';
export { run } from './run.js';
