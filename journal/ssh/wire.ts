/** SSH's wire format, as far as keys and signatures need it: numbers and length-prefixed strings (RFC 4251). */
import { FirebreakError } from '../../core/errors.js';

export interface Wire {
  uint32(): number;
  string(): Buffer;
  bytes(count: number): Buffer;
  /** Refuses what is left over, so that nothing can be hidden behind a key or a signature. */
  end(): void;
}

/** Reads bytes in order; every length is checked against what is there. */
export function readWire(all: Buffer): Wire {
  let at = 0;
  const bytes = (count: number): Buffer => {
    if (count > all.length - at) throw malformed('it ends too early');
    at += count;
    return all.subarray(at - count, at);
  };
  const uint32 = (): number => bytes(4).readUInt32BE();
  return {
    bytes,
    uint32,
    string: () => bytes(uint32()),
    end: () => {
      if (at !== all.length) throw malformed('something follows its end');
    },
  };
}

export function wireString(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** A positive number's bytes without leading zeros, padded to `size`. */
export function unsigned(number: Buffer, size: number): Buffer {
  const first = number.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.alloc(0) : number.subarray(first);
  if (digits.length > size || (number[0] ?? 0) >= 0x80) throw malformed('a number in it is out of range');
  return Buffer.concat([Buffer.alloc(size - digits.length), digits]);
}

export function malformed(why: string): FirebreakError {
  return new FirebreakError('ssh.malformed', `This is no SSH key or signature: ${why}.`, {
    nextStep: 'sign again with `ssh-keygen -Y sign`, or copy the key again from its .pub file.',
  });
}
