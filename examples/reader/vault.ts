// The header of a vault (70-vault): opened with a passphrase, it gives the keys of the device and of each circle's database.

import { ascii, concat, equal, none, text, u16, u8, unsigned, type Bytes } from "./bytes.js";
import { readCircle, readOpen, type Circle } from "./circle.js";
import { derivationOf, derive, open, profiles, type Derivation } from "./derivation.js";
import { sound, VaultError } from "./finding.js";
import { H } from "./hash.js";
import { formsOf } from "./passphrase.js";

export interface Vault {
  readonly signing: Bytes;
  readonly session: Bytes;
  readonly name: string;
  readonly circles: readonly Circle[];
}

// What differs between the versions of a header: its body, and a circle's row in it.
interface Layout {
  readonly body: number;
  readonly row: number;
  readonly read: (row: Bytes, profile: number) => Circle;
}

const layouts: ReadonlyMap<number, Layout> = new Map([
  [1, { body: 4096, row: 80, read: readOpen }],
  [2, { body: 8192, row: 156, read: readCircle }],
]);
const newest = Math.max(...layouts.keys());

const magic = ascii("csvault\0");
const slotSize = 104;
const slotVersion = 1; // what a slot's seal is bound to, in every version
const passphraseSlot = 1;

// Of kind 1. Slots of other kinds are skipped, and not judged.
interface Slot {
  readonly head: Bytes; // all that precedes its nonce
  readonly derivation: Derivation;
  readonly nonce: Bytes;
  readonly sealed: Bytes;
}

function readSlot(bytes: Bytes, profile: number): Slot {
  sound(bytes[1] === 1 && bytes[2] === 0 && bytes[3] === 0, "vault_damaged");
  const derivation = derivationOf(unsigned(bytes, 4, 4), unsigned(bytes, 8, 8), bytes.subarray(16, 32), profile);
  return { head: bytes.subarray(0, 32), derivation, nonce: bytes.subarray(32, 56), sealed: bytes.subarray(56) };
}

interface Header {
  readonly layout: Layout;
  readonly profile: number;
  readonly slots: readonly Slot[];
  readonly body: number; // where its nonce begins
}

// What the text says of a header before anything is derived from a passphrase.
function readHeader(file: Bytes, cheap: boolean): Header {
  const begin = file.subarray(0, magic.length);
  sound(equal(begin, magic.subarray(0, begin.length)), "not_a_vault");
  const content = file.subarray(0, -32);
  sound(file.length > magic.length + 32 && equal(H("cs1 vault check", content), file.subarray(-32)), "vault_damaged");
  const written = Number(unsigned(file, 8, 2));
  sound(written <= newest, "newer_version");
  const [profile, count] = [file[10]!, file[11]!];
  const layout = layouts.get(written);
  sound(layout !== undefined && profile < profiles && 1 <= count && count <= 8, "vault_damaged");
  const body = 12 + slotSize * count;
  sound(file.length === body + 24 + layout.body + 16 + 32, "vault_damaged");
  const all = Array.from({ length: count }, (_, i) => file.subarray(12 + slotSize * i, 12 + slotSize * (i + 1)));
  const slots = all.filter(([kind]) => kind === passphraseSlot).map((slot) => readSlot(slot, profile));
  sound(profile === 0 || cheap, "cheap_vault");
  return { layout, profile, slots, body };
}

function masterKey({ slots, profile }: Header, passphrase: string): Bytes {
  const beginning = concat(ascii("cellsync/1 vault slot\0"), magic, u16(slotVersion), u8(profile), u8(0));
  for (const { head, derivation, nonce, sealed } of slots) {
    for (const form of formsOf(passphrase)) {
      const key = open(derive(derivation, form), nonce, sealed, concat(beginning, head));
      if (key !== undefined) return key;
    }
  }
  throw new VaultError("wrong_passphrase");
}

function readBody(body: Bytes, { layout, profile }: Header): Vault {
  const nameSize = Number(unsigned(body, 64, 2));
  const name = text(body.subarray(66, 66 + nameSize));
  const count = body[66 + nameSize] ?? 0;
  const from = 67 + nameSize;
  sound(nameSize <= 256 && name !== undefined && count <= 32, "vault_damaged");
  const end = from + layout.row * count;
  sound(end <= layout.body && body.subarray(end).every((byte) => byte === 0), "vault_damaged");
  const rows = Array.from({ length: count }, (_, i) => body.subarray(from + layout.row * i, from + layout.row * (i + 1)));
  const circles = rows.map((row) => layout.read(row, profile));
  return { signing: body.subarray(0, 32), session: body.subarray(32, 64), name, circles };
}

export function openVault(file: Bytes, passphrase: string, cheap: boolean): Vault {
  const header = readHeader(file, cheap);
  const key = H("cs1 vault key", none, masterKey(header, passphrase));
  const [nonce, sealed] = [file.subarray(header.body, header.body + 24), file.subarray(header.body + 24, -32)];
  const body = open(key, nonce, sealed, concat(ascii("cellsync/1 vault body\0"), file.subarray(0, header.body)));
  sound(body !== undefined, "vault_damaged");
  return readBody(body, header);
}
