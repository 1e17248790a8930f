// The header of a vault (70-vault): opened with a passphrase, it gives the keys of the device and of each circle's database.

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { ascii, concat, equal, none, text, unsigned, utf8, type Bytes } from "./bytes.js";
import { H } from "./hash.js";
import { typingForm } from "./passphrase.js";

export class VaultError extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export interface Circle {
  readonly id: Bytes;
  readonly file: Bytes; // the name of its database, shown as hexadecimal
  readonly key: Bytes;
}

export interface Vault {
  readonly signing: Bytes;
  readonly session: Bytes;
  readonly name: string;
  readonly circles: readonly Circle[];
}

const magic = ascii("csvault\0");
const slotSize = 104;
const bodySize = 4096;
const version = 1;
const passphraseSlot = 1;
const MiB = 1n << 20n;
const bounds = [
  { passes: [3n, 20n], memory: [64n * MiB, 2048n * MiB] }, // real
  { passes: [1n, 20n], memory: [8n << 10n, 2048n * MiB] }, // cheap, made for tests
] as const;

// Of kind 1. Slots of other kinds are skipped, and not judged.
interface Slot {
  readonly head: Bytes; // all that precedes its nonce
  readonly passes: number;
  readonly memory: bigint;
  readonly salt: Bytes;
  readonly nonce: Bytes;
  readonly sealed: Bytes;
}

function sound(condition: boolean, code: string): asserts condition {
  if (!condition) throw new VaultError(code);
}

function readSlot(bytes: Bytes, profile: number): Slot {
  const [passes, memory] = [unsigned(bytes, 4, 4), unsigned(bytes, 8, 8)];
  const within = bounds[profile]!;
  sound(bytes[1] === 1 && bytes[2] === 0 && bytes[3] === 0, "vault_damaged");
  sound(within.passes[0] <= passes && passes <= within.passes[1], "vault_damaged");
  sound(within.memory[0] <= memory && memory <= within.memory[1], "vault_damaged");
  return {
    head: bytes.subarray(0, 32), passes: Number(passes), memory,
    salt: bytes.subarray(16, 32), nonce: bytes.subarray(32, 56), sealed: bytes.subarray(56),
  };
}

function open(key: Bytes, nonce: Bytes, sealed: Bytes, data: Bytes): Bytes | undefined {
  try {
    return xchacha20poly1305(key, nonce, data).decrypt(sealed);
  } catch {
    return undefined;
  }
}

// What the text says of a header before anything is derived from a passphrase.
function readHeader(file: Bytes, cheap: boolean): { slots: Slot[]; body: number } {
  const begin = file.subarray(0, magic.length);
  sound(equal(begin, magic.subarray(0, begin.length)), "not_a_vault");
  const content = file.subarray(0, -32);
  sound(file.length > magic.length + 32 && equal(H("cs1 vault check", content), file.subarray(-32)), "vault_damaged");
  const written = Number(unsigned(file, 8, 2));
  sound(written <= version, "newer_version");
  const [profile, count] = [file[10]!, file[11]!];
  sound(written === version && profile < bounds.length && 1 <= count && count <= 8, "vault_damaged");
  const body = 12 + slotSize * count;
  sound(file.length === body + 24 + bodySize + 16 + 32, "vault_damaged");
  const all = Array.from({ length: count }, (_, i) => file.subarray(12 + slotSize * i, 12 + slotSize * (i + 1)));
  const slots = all.filter(([kind]) => kind === passphraseSlot).map((slot) => readSlot(slot, profile));
  sound(profile === 0 || cheap, "cheap_vault");
  return { slots, body };
}

function masterKey(file: Bytes, slots: readonly Slot[], passphrase: string): Bytes {
  const forms = new Set([typingForm(passphrase), passphrase.normalize("NFC")]);
  const beginning = concat(file.subarray(0, 11), new Uint8Array(1));
  for (const slot of slots) {
    const data = concat(ascii("cellsync/1 vault slot\0"), beginning, slot.head);
    for (const form of forms) {
      const m = Number(slot.memory >> 10n);
      const wrapping = argon2id(utf8(form), slot.salt, { t: slot.passes, m, p: 1, dkLen: 32, maxmem: 2 ** 32 - 1 });
      const key = open(wrapping, slot.nonce, slot.sealed, data);
      if (key !== undefined) return key;
    }
  }
  throw new VaultError("wrong_passphrase");
}

function readBody(body: Bytes): Vault {
  const nameSize = Number(unsigned(body, 64, 2));
  const name = text(body.subarray(66, 66 + nameSize));
  const count = body[66 + nameSize] ?? 0;
  const from = 67 + nameSize;
  sound(nameSize <= 256 && name !== undefined && count <= 32, "vault_damaged");
  const rest = body.subarray(from + 80 * count);
  sound(from + 80 * count <= bodySize && rest.every((byte) => byte === 0), "vault_damaged");
  const circles = Array.from({ length: count }, (_, i) => {
    const row = body.subarray(from + 80 * i, from + 80 * (i + 1));
    return { id: row.subarray(0, 32), file: row.subarray(32, 48), key: row.subarray(48) };
  });
  return { signing: body.subarray(0, 32), session: body.subarray(32, 64), name, circles };
}

export function openVault(file: Bytes, passphrase: string, cheap: boolean): Vault {
  const { slots, body } = readHeader(file, cheap);
  const key = H("cs1 vault key", none, masterKey(file, slots, passphrase));
  const data = concat(ascii("cellsync/1 vault body\0"), file.subarray(0, body));
  const opened = open(key, file.subarray(body, body + 24), file.subarray(body + 24, body + 24 + bodySize + 16), data);
  sound(opened !== undefined, "vault_damaged");
  return readBody(opened);
}
