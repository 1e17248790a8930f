// Public keys: which of them are usable, and when a signature verifies (10-crypto, 40-membership).

import { createPrivateKey, createPublicKey, diffieHellman, verify, type KeyObject } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { concat, equal, fromHex, hex, type Bytes } from "./bytes.js";

const Point = ed25519.Point;
const neutral = Uint8Array.from([1, ...new Array<number>(31).fill(0)]);

// What precedes the 32 bytes of a key in the form that Node reads.
const signingPrefix = fromHex("302a300506032b6570032100");
const sessionPrefix = fromHex("302a300506032b656e032100");
const sessionSecretPrefix = fromHex("302e020100300506032b656e04220420");

function nodeKey(prefix: Bytes, key: Bytes): KeyObject {
  return createPublicKey({ key: Buffer.from(concat(prefix, key)), format: "der", type: "spki" });
}

// Whether this may introduce somebody: a canonical point of the prime-order subgroup, and not the neutral element.
export function isSigningKey(bytes: Bytes): boolean {
  const key = hex(bytes);
  if (!checked.has(key)) checked.set(key, isInMainSubgroup(bytes));
  return checked.get(key)!;
}

const checked = new Map<string, boolean>(); // it takes a millisecond, and a circle has few keys

function isInMainSubgroup(bytes: Bytes): boolean {
  if (bytes.length !== 32) return false;
  try {
    const point = Point.fromBytes(bytes);
    return equal(point.toBytes(), bytes) && point.isTorsionFree() && !point.isSmallOrder();
  } catch {
    return false;
  }
}

const anySecret = createPrivateKey({
  key: Buffer.from(concat(sessionSecretPrefix, new Uint8Array(32).fill(1))), format: "der", type: "pkcs8",
});

// An X25519 key is usable if it is not of low order: then no secret gives zeros, which OpenSSL refuses.
export function isSessionKey(bytes: Bytes): boolean {
  if (bytes.length !== 32) return false;
  try {
    diffieHellman({ privateKey: anySecret, publicKey: nodeKey(sessionPrefix, bytes) });
    return true;
  } catch {
    return false;
  }
}

const kemKeySize = 1184;
const modulus = 3329;

// FIPS 203, section 7.2: every coefficient is below the modulus.
export function isKemKey(bytes: Bytes): boolean {
  if (bytes.length !== kemKeySize) return false;
  for (let at = 0; at < kemKeySize - 32; at += 3) {
    const [a, b, c] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!];
    if ((a | ((b & 0x0f) << 8)) >= modulus || ((b >> 4) | (c << 4)) >= modulus) return false;
  }
  return true;
}

export function isSealKey(bytes: Bytes): boolean {
  return isKemKey(bytes.subarray(0, kemKeySize)) && isSessionKey(bytes.subarray(kemKeySize));
}

// OpenSSL checks S < L and compares R byte by byte, and takes the neutral element, so that is refused here.
export function verifies(key: Bytes, message: Bytes, signature: Bytes): boolean {
  if (key.length !== 32 || signature.length !== 64 || equal(signature.subarray(0, 32), neutral)) return false;
  return verify(null, message, nodeKey(signingPrefix, key), signature);
}
