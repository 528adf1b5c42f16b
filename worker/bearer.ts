/** Whether a request carries a token: `Authorization: Bearer TOKEN`. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Digests are compared, so that neither content nor length of the token shows in the time that it takes. */
export function carriesToken(header: string | undefined, token: string): boolean {
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
