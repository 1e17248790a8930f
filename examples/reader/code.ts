// The code of an invitation (55-pairing): 16 secret bytes as characters, or a number and three words to be said aloud.

import { equal, none, u8, type Bytes } from "./bytes.js";
import { H } from "./hash.js";
import { words } from "./words.js";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const prefix = "CELLSYNC:";
const dropped = /[\p{White_Space}\p{Cc}\p{Cf}\p{Pd}\u2212_]/gu;
const meant: Readonly<Record<string, string>> = { "0": "O", "1": "I", "8": "B" };

export interface Code {
  readonly secret: Bytes;
  readonly written: string; // as people see it
  readonly qr: string;
  readonly psk: Bytes;
  readonly beaconKey: Bytes;
}

function base32(characters: string): Bytes {
  let value = 0n;
  for (const one of characters) value = (value << 5n) | BigInt(alphabet.indexOf(one));
  const size = (characters.length * 5) / 8;
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn));
}

// Without padding.
export function toBase32(bytes: Bytes): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.match(/.{1,5}/g)!.map((five) => alphabet[parseInt(five.padEnd(5, "0"), 2)]).join("");
}

// Undefined if what was typed is none.
export function readCode(typed: string): Code | undefined {
  const plain = typed.replace(dropped, "").toUpperCase();
  const bare = plain.startsWith(prefix) ? plain.slice(prefix.length) : plain;
  const characters = bare.replace(/[018]/g, (digit) => meant[digit]!);
  if (!/^[A-Z2-7]{32}$/.test(characters)) return undefined;
  const bytes = base32(characters);
  const secret = bytes.subarray(0, 16);
  if (!equal(H("cs1 pair check", secret).subarray(0, 4), bytes.subarray(16))) return undefined;
  const written = characters.match(/.{4}/g)!.join("-");
  const [psk, beaconKey] = [H("cs1 pair psk", none, secret), H("cs1 pair tag", none, secret)];
  return { secret, written, qr: prefix + characters, psk, beaconKey };
}

export interface ShortCode {
  readonly password: string;
  readonly numberKey: Bytes;
  readonly beaconKey: Bytes;
}

const maxLetters = 32;

export function readShortCode(typed: string): ShortCode | undefined {
  const plain = typed.normalize("NFKC").toLowerCase().replace(/\p{Cf}/gu, "");
  if (plain.replace(/[^a-z0-9]/g, "").length >= maxLetters) return undefined;
  const [digits, ...said] = plain.replace(/[^a-z0-9]+/g, " ").trim().replace(/^(\d{1,2})(?=[a-z])/, "$1 ").split(" ");
  const number = /^\d{1,2}$/.test(digits ?? "") ? Number(digits) : 0;
  if (number === 0 || said.length !== 3 || !said.every((word) => words.includes(word))) return undefined;
  const numberKey = H("cs1 short number", u8(number));
  return { password: [String(number), ...said].join("-"), numberKey, beaconKey: H("cs1 short tag", none, numberKey) };
}
