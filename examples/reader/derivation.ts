// A key from a passphrase, and what it opens (70-vault, Key slot): a slot of the vault, or the lock of a circle.

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { utf8, type Bytes } from "./bytes.js";
import { sound } from "./finding.js";

export interface Derivation {
  readonly passes: number;
  readonly memory: bigint;
  readonly salt: Bytes;
}

const MiB = 1n << 20n;
const bounds = [
  { passes: [3n, 20n], memory: [64n * MiB, 2048n * MiB] }, // real
  { passes: [1n, 20n], memory: [8n << 10n, 2048n * MiB] }, // cheap, made for tests
] as const;
export const profiles = bounds.length;

// Checked before anything is derived: neither too weak, nor more than a device can do.
export function derivationOf(passes: bigint, memory: bigint, salt: Bytes, profile: number): Derivation {
  const within = bounds[profile]!;
  sound(within.passes[0] <= passes && passes <= within.passes[1], "vault_damaged");
  sound(within.memory[0] <= memory && memory <= within.memory[1], "vault_damaged");
  return { passes: Number(passes), memory, salt };
}

export function derive({ passes, memory, salt }: Derivation, form: string): Bytes {
  return argon2id(utf8(form), salt, { t: passes, m: Number(memory >> 10n), p: 1, dkLen: 32, maxmem: 2 ** 32 - 1 });
}

export function open(key: Bytes, nonce: Bytes, sealed: Bytes, data: Bytes): Bytes | undefined {
  try {
    return xchacha20poly1305(key, nonce, data).decrypt(sealed);
  } catch {
    return undefined;
  }
}
