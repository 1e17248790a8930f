// A circle's recovery key (40-membership): the secret on paper, and the two keys made from it.

import { ed25519 } from "@noble/curves/ed25519.js";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import { ascii, concat, type Bytes } from "./bytes.js";
import { toBase32 } from "./code.js";
import { H } from "./hash.js";

export interface RecoveryKeys {
  readonly signing: Bytes; // public, as the next
  readonly seal: Bytes;
  readonly written: string;
  readonly device: Bytes; // the id under which it writes, in edition 2
}

export function recoveryKeys(secret: Bytes): RecoveryKeys {
  const [sign, seal] = ["sign", "seal"].map((use) => H("cs1 recovery", ascii(use), secret)) as [Bytes, Bytes];
  const written = toBase32(secret).match(/.{4}/g)!.join("-");
  const signing = ed25519.getPublicKey(sign);
  const device = H("cs1 recovery", concat(ascii("name"), signing));
  return { signing, seal: xWing.keygen(seal).publicKey, written, device };
}
