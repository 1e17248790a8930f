// Noise, revision 34, with 25519, ChaChaPoly and BLAKE2b: as much of it as IKpsk0 and NNpsk0 need (10-crypto, Noise).

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { ascii, concat, none, u8, type Bytes } from "./bytes.js";
import { Fault } from "./fault.js";

export function publicOf(secret: Bytes): Bytes {
  return x25519.getPublicKey(secret);
}

export function agree(secret: Bytes, remote: Bytes): Bytes {
  try {
    return x25519.getSharedSecret(secret, remote);
  } catch {
    throw new Fault("key.x25519"); // of low order
  }
}

// Noise's own nonce: four zeros, and the number in little-endian.
export function nonceOf(number: bigint): Bytes {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, number, true);
  return nonce;
}

export class Noise {
  private key: Bytes | undefined;
  private number = 0n;
  private chain: Bytes;
  hash: Bytes;

  constructor(protocol: string, prologue: Bytes) {
    const name = ascii(protocol);
    this.hash = name.length <= 64 ? concat(name, new Uint8Array(64 - name.length)) : blake2b(name);
    this.chain = this.hash;
    this.mixHash(prologue);
  }

  mixHash(data: Bytes): void {
    this.hash = blake2b(concat(this.hash, data));
  }

  private derive(input: Bytes, count: number): Bytes[] {
    const secret = hmac(blake2b, this.chain, input);
    const outputs: Bytes[] = [];
    for (let i = 1; i <= count; i++) outputs.push(hmac(blake2b, secret, concat(outputs.at(-1) ?? none, u8(i))));
    return outputs;
  }

  private use(key: Bytes): void {
    this.key = key.subarray(0, 32);
    this.number = 0n;
  }

  mixKey(input: Bytes): void {
    const [chain, key] = this.derive(input, 2);
    this.chain = chain!;
    this.use(key!);
  }

  mixKeyAndHash(input: Bytes): void {
    const [chain, hash, key] = this.derive(input, 3);
    this.chain = chain!;
    this.mixHash(hash!);
    this.use(key!);
  }

  // An ephemeral key in a pattern with a psk.
  mixEphemeral(key: Bytes): void {
    this.mixHash(key);
    this.mixKey(key);
  }

  private cipher(): ReturnType<typeof chacha20poly1305> {
    return chacha20poly1305(this.key!, nonceOf(this.number++), this.hash);
  }

  encrypt(plaintext: Bytes): Bytes {
    const ciphertext = this.cipher().encrypt(plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decrypt(ciphertext: Bytes): Bytes {
    try {
      const plaintext = this.cipher().decrypt(ciphertext);
      this.mixHash(ciphertext);
      return plaintext;
    } catch {
      throw new Fault("handshake");
    }
  }

  // The keys of caller → callee and of callee → caller.
  split(): [Bytes, Bytes] {
    const [first, second] = this.derive(none, 2);
    return [first!.subarray(0, 32), second!.subarray(0, 32)];
  }
}
