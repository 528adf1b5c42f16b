/** What takes minutes the first time is done before the first test, where no test's time limit counts it. */
import { prepareMoto } from '../../sandbox/aws/moto.js';
import { findTemporal } from '../../worker/temporal-executable.js';

export default async function firstTime(): Promise<void> {
  await Promise.all([findTemporal(), prepareMoto()]);
}
