// HPKE in base mode with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305 (10-crypto): what is sealed to one device.

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import { ascii, concat, none, u16, u8, type Bytes } from "./bytes.js";
import { wrapSize } from "./control.js";
import { Fault, holds } from "./fault.js";

const suite = concat(ascii("HPKE"), u16(0x647a), u16(0x0001), u16(0x0003));
const version = ascii("HPKE-v1");
const encapsulatedSize = 1120;

function labeledExtract(salt: Bytes, label: string, secret: Bytes): Bytes {
  return extract(sha256, concat(version, suite, ascii(label), secret), salt);
}

function labeledExpand(key: Bytes, label: string, info: Bytes, size: number): Bytes {
  return expand(sha256, key, concat(u16(size), version, suite, ascii(label), info), size);
}

// `seed` is the secret key of X-Wing.
export function unseal(seed: Bytes, info: Bytes, sealed: Bytes): Bytes {
  try {
    const shared = xWing.decapsulate(sealed.subarray(0, encapsulatedSize), seed);
    const context = concat(u8(0), labeledExtract(none, "psk_id_hash", none), labeledExtract(none, "info_hash", info));
    const secret = labeledExtract(shared, "secret", none);
    const [key, nonce] = [labeledExpand(secret, "key", context, 32), labeledExpand(secret, "base_nonce", context, 12)];
    return chacha20poly1305(key, nonce).decrypt(sealed.subarray(encapsulatedSize));
  } catch {
    throw new Fault("opens");
  }
}

// The root of an epoch, from a wrap that was sealed under what its rotation commits to.
export function unwrap(seed: Bytes, committed: Bytes, wrap: Bytes): Bytes {
  holds(wrap.length === wrapSize, "opens");
  return unseal(seed, concat(ascii("cellsync/1 epoch wrap\0"), committed), wrap);
}
