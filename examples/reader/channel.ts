// The bytes of a conversation: an opening, a reply, and frames (10-crypto, Channel).

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ml_kem768 as kem } from "@noble/post-quantum/ml-kem.js";
import { ascii, concat, equal, none, u16, u64, u8, unsigned, xor, type Bytes } from "./bytes.js";
import { Fault, holds } from "./fault.js";
import { H } from "./hash.js";
import { isKemKey } from "./key.js";
import { agree, Noise, nonceOf, publicOf } from "./noise.js";
import { readVersions, type Versions } from "./version.js";

export type Purpose = "session" | "pairing";
export type Side = "caller" | "callee";

const suite = "25519_ChaChaPoly_BLAKE2b";
export const headerSize = 42;
const hintSize = 8;
const kemKeySize = 1184;
const kemTextSize = 1088;
const maxTail = 511;
const roles = { caller: 1, callee: 2 };
const hints = { session: "cs1 hint", pairing: "cs1 pair hint" };
const least = {
  session: { caller: 48 + kemKeySize + 16, callee: kemTextSize + 16 },
  pairing: { caller: kemKeySize + 16, callee: kemTextSize + 16 },
};

function hintKey(psk: Bytes): Bytes {
  return H("cs1 hint key", none, psk);
}

export function header(purpose: Purpose, side: Side, psk: Bytes, context: Bytes, ephemeral: Bytes, length: number): Bytes {
  const [key, role, hidden] = [hintKey(psk), u8(roles[side]), concat(ephemeral, u16(length))];
  const hint = H(hints[purpose], [role, context, hidden], key, hintSize);
  return concat(hint, xor(hidden, H("cs1 mask", [role, context, hint], key, hidden.length)));
}

interface Header {
  readonly ephemeral: Bytes;
  readonly length: number; // of what follows
}

export function readHeader(purpose: Purpose, side: Side, psk: Bytes, context: Bytes, bytes: Bytes): Header {
  const [hint, covered] = [bytes.subarray(0, hintSize), bytes.subarray(hintSize)];
  const [key, role] = [hintKey(psk), u8(roles[side])];
  const hidden = xor(covered, H("cs1 mask", [role, context, hint], key, covered.length));
  holds(equal(hint, H(hints[purpose], [role, context, hidden], key, hintSize)), "handshake");
  const length = Number(unsigned(hidden, 32, 2));
  const shortest = least[purpose][side];
  holds(shortest <= length && length <= shortest + maxTail, "handshake.length");
  return { ephemeral: hidden.subarray(0, 32), length };
}

function begin(purpose: Purpose, carrier: string, psk: Bytes, calleeStatic: Bytes): Noise {
  const pattern = purpose === "session" ? "IKpsk0" : "NNpsk0";
  const prologue = concat(ascii("cellsync/1 noise\0"), u8(1), ascii(suite), u8(0), ascii(carrier));
  const noise = new Noise(`Noise_${pattern}_${suite}`, prologue);
  if (purpose === "session") noise.mixHash(calleeStatic);
  noise.mixKeyAndHash(psk);
  return noise;
}

interface Message {
  readonly ephemeral: Bytes;
  readonly rest: Bytes; // behind the ephemeral key
}

function readMessage(purpose: Purpose, side: Side, psk: Bytes, context: Bytes, bytes: Bytes): Message {
  holds(bytes.length >= headerSize, "handshake.length");
  const { ephemeral, length } = readHeader(purpose, side, psk, context, bytes.subarray(0, headerSize));
  const rest = bytes.subarray(headerSize);
  holds(rest.length >= length, "handshake.length");
  holds(rest.length === length, "handshake.early");
  return { ephemeral, rest };
}

export interface Callee {
  readonly purpose: Purpose;
  readonly carrier: string;
  readonly psk: Bytes;
  readonly secret: Bytes; // of its static key; in a pairing it has none
}

export interface Opening {
  readonly ephemeral: Bytes;
  readonly static: Bytes | undefined;
  readonly versions: Versions;
}

export function readOpening({ purpose, carrier, psk, secret }: Callee, bytes: Bytes): Opening {
  const isSession = purpose === "session";
  const { ephemeral, rest } = readMessage(purpose, "caller", psk, none, bytes);
  const noise = begin(purpose, carrier, psk, isSession ? publicOf(secret) : none);
  noise.mixEphemeral(ephemeral);
  let caller: Bytes | undefined;
  if (isSession) {
    noise.mixKey(agree(secret, ephemeral));
    caller = noise.decrypt(rest.subarray(0, 48));
    noise.mixKey(agree(secret, caller));
  }
  const payload = noise.decrypt(rest.subarray(isSession ? 48 : 0));
  holds(isKemKey(payload.subarray(0, kemKeySize)), "key.ml-kem");
  return { ephemeral, static: caller, versions: readVersions(payload.subarray(kemKeySize)) };
}

export interface Call {
  readonly purpose: Purpose;
  readonly carrier: string;
  readonly psk: Bytes;
  readonly secret: Bytes; // of the static key; empty in a pairing, like the next
  readonly callee: Bytes;
  readonly ephemeral: Bytes; // secret
  readonly kemSeed: Bytes;
  readonly versions: Versions;
  readonly padding: number;
}

export class Caller {
  readonly opening: Bytes;
  private readonly noise: Noise;
  private readonly kemSecret: Bytes;

  constructor(private readonly call: Call) {
    const { purpose, psk, secret, callee, versions } = call;
    const ephemeral = publicOf(call.ephemeral);
    const kemKeys = kem.keygen(call.kemSeed);
    this.kemSecret = kemKeys.secretKey;
    this.noise = begin(purpose, call.carrier, psk, callee);
    this.noise.mixEphemeral(ephemeral);
    const pieces: Bytes[] = [];
    if (purpose === "session") {
      this.noise.mixKey(agree(call.ephemeral, callee));
      pieces.push(this.noise.encrypt(publicOf(secret)));
      this.noise.mixKey(agree(secret, callee));
    }
    pieces.push(this.noise.encrypt(concat(kemKeys.publicKey, Uint8Array.from(versions), new Uint8Array(call.padding))));
    const message = concat(...pieces);
    this.opening = concat(header(purpose, "caller", psk, none, ephemeral, message.length), message);
  }

  read(reply: Bytes): Conversation {
    const { purpose, psk, secret } = this.call;
    const { ephemeral, rest } = readMessage(purpose, "callee", psk, publicOf(this.call.ephemeral), reply);
    const { noise } = this;
    noise.mixEphemeral(ephemeral);
    noise.mixKey(agree(this.call.ephemeral, ephemeral));
    if (purpose === "session") noise.mixKey(agree(secret, ephemeral));
    const payload = noise.decrypt(rest);
    noise.mixKeyAndHash(kem.decapsulate(payload.subarray(0, kemTextSize), this.kemSecret));
    const [sending, receiving] = noise.split();
    return { versions: readVersions(payload.subarray(kemTextSize)), hash: noise.hash, sending, receiving };
  }
}

export interface Conversation {
  readonly versions: Versions; // the callee's
  readonly hash: Bytes;
  readonly sending: Bytes; // the cipher keys of the two directions, as the caller has them
  readonly receiving: Bytes;
}

const classes = [256, 1_024, 4_096, 16_384, 65_519];
const tag = 16;
const lastFrame = (1n << 64n) - 2n; // Noise keeps the last nonce for itself

function frameMask(key: Bytes, number: bigint): Bytes {
  return H("cs1 frame mask", u64(number), H("cs1 frame key", none, key), 2);
}

function classOf(payload: number): number {
  const size = classes.find((one) => payload + 2 <= one);
  holds(size !== undefined, "cap.frame");
  return size;
}

export function writeFrame(key: Bytes, number: bigint, payload: Bytes): Bytes {
  const plaintext = new Uint8Array(classOf(payload.length));
  plaintext.set(concat(u16(payload.length), payload));
  const ciphertext = chacha20poly1305(key, nonceOf(number)).encrypt(plaintext);
  return concat(xor(u16(ciphertext.length), frameMask(key, number)), ciphertext);
}

// How many bytes the frame has that begins with these two.
function sizeOfFrame(key: Bytes, number: bigint, begin: Bytes): number {
  const length = Number(unsigned(xor(begin.subarray(0, 2), frameMask(key, number))));
  holds(classes.includes(length - tag), "frame.length");
  return 2 + length;
}

// The payloads that have arrived whole, in a stream of frames.
export function readFrames(key: Bytes, stream: Bytes): Bytes[] {
  const payloads: Bytes[] = [];
  for (let rest = stream; rest.length >= 2;) {
    const number = BigInt(payloads.length);
    const size = sizeOfFrame(key, number, rest);
    if (rest.length < size) break;
    payloads.push(readFrame(key, number, rest.subarray(0, size)));
    rest = rest.subarray(size);
  }
  return payloads;
}

export function readFrame(key: Bytes, number: bigint, frame: Bytes): Bytes {
  holds(number <= lastFrame, "cap.messages");
  holds(frame.length >= 2 && frame.length === sizeOfFrame(key, number, frame), "frame.length");
  const plaintext = opened(key, number, frame.subarray(2));
  const size = Number(unsigned(plaintext, 0, 2));
  holds(size + 2 <= plaintext.length, "frame.payload");
  holds(classOf(size) === plaintext.length, "frame.class");
  holds(plaintext.subarray(2 + size).every((byte) => byte === 0), "frame.padding");
  return plaintext.subarray(2, 2 + size);
}

function opened(key: Bytes, number: bigint, ciphertext: Bytes): Bytes {
  try {
    return chacha20poly1305(key, nonceOf(number)).decrypt(ciphertext);
  } catch {
    throw new Fault("opens");
  }
}
