/** For the worker's process: `node --import .../with-simulated.js .../worker/main.js` is the real worker, and knows the simulated units. */
import { registerSimulated } from '../simulated.js';

registerSimulated();
