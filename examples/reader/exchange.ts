// The exchange of a short code (55-pairing): SPAKE2 over Ed25519, and a confirmation of its own.

import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, equal, fromHex, none, u8, unsigned, xor, type Bytes } from "./bytes.js";
import { type ShortCode } from "./code.js";
import { holds } from "./fault.js";
import { H } from "./hash.js";
import { isSigningKey } from "./key.js";

const Point = ed25519.Point;
const L = Point.Fn.ORDER;
const M = Point.fromBytes(fromHex("15cfd18e385952982b6a8f8c7854963b58e34388c8e6dae891db756481a02312"));
const N = Point.fromBytes(fromHex("f04f2e7eb734b2a8f8b472eaf9c3c632576ac64aea650b496a8a20ff00e583c3"));
const label = ascii("cellsync/1 short code\0");

export interface Exchange {
  readonly knock: Bytes; // the joiner's header
  readonly answer: Bytes; // the inviter's
  readonly proof: Bytes;
  readonly reply: Bytes;
  readonly secret: Bytes;
}

function scalar(bytes: Bytes): bigint {
  return unsigned(bytes) % L;
}

export const headerSize = 42;
const hintSize = 10;

function header(role: number, context: Bytes, element: Bytes, numberKey: Bytes): Bytes {
  const hint = H("cs1 short hint", [u8(role), context, element], numberKey, hintSize);
  return concat(hint, xor(element, H("cs1 short mask", [u8(role), context, hint], numberKey)));
}

// The element that the joiner's header covers.
function readKnock(knock: Bytes, numberKey: Bytes): Bytes {
  const hint = knock.subarray(0, hintSize);
  const element = xor(knock.subarray(hintSize), H("cs1 short mask", [u8(1), none, hint], numberKey));
  holds(equal(header(1, none, element, numberKey), knock), "handshake");
  return element;
}

// The inviter's header, for a knock; `y`: its 64 random bytes.
export function answerTo(knock: Bytes, { password, numberKey }: ShortCode, y: Bytes): Bytes {
  holds(knock.length === headerSize, "handshake");
  const X = readKnock(knock, numberKey);
  const w = scalar(hkdf(sha256, ascii(password), none, ascii("SPAKE2 pw"), 48));
  const Y = Point.BASE.multiply(scalar(y)).add(N.multiply(w)).toBytes();
  holds(isSigningKey(X) && !equal(X, Y), "short.element");
  return header(2, X, Y, numberKey);
}

// Both sides at once, from the 64 random bytes of each.
export function exchange({ password, numberKey }: ShortCode, x: Bytes, y: Bytes): Exchange {
  const said = ascii(password);
  const w = scalar(hkdf(sha256, said, none, ascii("SPAKE2 pw"), 48));
  const X = Point.BASE.multiply(scalar(x)).add(M.multiply(w)).toBytes();
  const sharer = Point.BASE.multiply(scalar(y));
  const Y = sharer.add(N.multiply(w)).toBytes();
  const Z = sharer.multiply(scalar(x)).toBytes();
  const ids = [1, 2].map((role) => sha256(concat(label, u8(role))));
  const key = sha256(concat(sha256(said), ...ids, X, Y, Z));
  return {
    knock: header(1, none, X, numberKey), answer: header(2, X, Y, numberKey),
    proof: H("cs1 short proof", [u8(1), X, Y], key), reply: H("cs1 short proof", [u8(2), X, Y], key),
    secret: H("cs1 short secret", [X, Y], key, 16),
  };
}
