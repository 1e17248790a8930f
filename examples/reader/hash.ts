// H(label, data): BLAKE2b with its label as its person (10-crypto).

import { blake2b } from "@noble/hashes/blake2.js";
import { ascii, concat, type Bytes } from "./bytes.js";

function person(label: string): Bytes {
  const padded = new Uint8Array(16);
  padded.set(ascii(label));
  return padded;
}

export function H(label: string, data: Bytes | Bytes[], key?: Bytes, size = 32): Bytes {
  const whole = Array.isArray(data) ? concat(...data) : data;
  return blake2b(whole, { dkLen: size, personalization: person(label), ...(key === undefined ? {} : { key }) });
}
