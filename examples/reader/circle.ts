// A circle's row in the header (70-vault, Body and Lock): the key of its database, or what opens with its own passphrase.

import { ascii, concat, u16, unsigned, type Bytes } from "./bytes.js";
import { derivationOf, derive, open, type Derivation } from "./derivation.js";
import { sound } from "./finding.js";
import { formsOf } from "./passphrase.js";

interface Named {
  readonly id: Bytes;
  readonly file: Bytes; // the name of its database, shown as hexadecimal
}

export interface Open extends Named {
  readonly key: Bytes;
}

export interface Locked extends Named {
  readonly derivation: Derivation;
  readonly nonce: Bytes;
  readonly sealed: Bytes;
  readonly data: Bytes; // associated with the seal
}

export type Circle = Open | Locked;

const keySize = 32;
const isZero = (bytes: Bytes): boolean => bytes.every((byte) => byte === 0);

export function isLocked(circle: Circle): circle is Locked {
  return "sealed" in circle;
}

// Of version 1, which had no locks.
export function readOpen(row: Bytes): Open {
  return { id: row.subarray(0, 32), file: row.subarray(32, 48), key: row.subarray(48) };
}

// When it was copied, between the file and the lock, concerns only who writes.
export function readCircle(row: Bytes, profile: number): Circle {
  const named = { id: row.subarray(0, 32), file: row.subarray(32, 48) };
  const lock = row.subarray(56);
  const [passes, memory] = [unsigned(lock, 0, 4), unsigned(lock, 4, 8)];
  const [nonce, sealed] = [lock.subarray(28, 52), lock.subarray(52)];
  if (passes === 0n && memory === 0n) {
    sound(isZero(lock.subarray(12, 52)) && isZero(sealed.subarray(keySize)), "vault_damaged");
    return { ...named, key: sealed.subarray(0, keySize) };
  }
  const data = concat(ascii("cellsync/1 vault circle\0"), named.id, named.file, u16(profile), lock.subarray(0, 28));
  return { ...named, derivation: derivationOf(passes, memory, lock.subarray(12, 28), profile), nonce, sealed, data };
}

// Undefined if it has another passphrase.
export function unlock({ id, file, derivation, nonce, sealed, data }: Locked, passphrase: string): Open | undefined {
  for (const form of formsOf(passphrase)) {
    const key = open(derive(derivation, form), nonce, sealed, data);
    if (key !== undefined) return { id, file, key };
  }
  return undefined;
}
