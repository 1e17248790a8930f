// The messages of a pairing, and the words that two people compare (55-pairing, The conversation).

import { ascii, concat, equal, type Bytes } from "./bytes.js";
import { decode, type Value } from "./codec.js";
import { isName } from "./control.js";
import { maxClock } from "./entry.js";
import { holds } from "./fault.js";
import { isArray, isBytes, isInteger } from "./form.js";
import { H } from "./hash.js";
import { isSealKey, isSessionKey, isSigningKey, verifies } from "./key.js";
import { words } from "./words.js";

const maxMessage = 2_048;

function isBinary(size: number): (value: Value | undefined) => boolean {
  return (value) => isBytes(value, size);
}

function clock(value: Value | undefined): void {
  holds(isInteger(value, 0n, maxClock), "pairing.clock");
}

function hello([version, keys, name, commitment, moment]: Value[]): void {
  holds(version === 1n && isArray(keys) && isBytes(commitment, 32), "pairing.message");
  const [signing, session, seal] = keys;
  holds(keys.length === 3 && isBytes(signing) && isSigningKey(signing) && isBytes(session) && isBytes(seal), "entry.keys");
  holds(isSealKey(seal), "key.x-wing");
  holds(isSessionKey(session), "key.x25519");
  holds(isName(name), "entry.name");
  clock(moment);
}

function nonce([bytes, moment]: Value[]): void {
  holds(isBytes(bytes, 32), "pairing.message");
  clock(moment);
}

function fieldsAre(...checks: ((value: Value | undefined) => boolean)[]): (fields: Value[]) => void {
  return (fields) => holds(checks.every((check, i) => check(fields[i])), "pairing.message");
}

function isStates(value: Value | undefined): boolean {
  return isArray(value, 5) && isInteger(value[0], 0n, 1n << 32n) && value.slice(1).every(isBinary(32));
}

const id = isBinary(32);

function welcome([circle, device, epoch, states, sponsor, session]: Value[]): void {
  holds([circle, device, epoch, sponsor].every(id) && isBytes(session, 32), "pairing.message");
  holds(isStates(states), "epoch.branches");
  holds(isSessionKey(session), "key.x25519");
}

// By turn: the number, how many elements follow it, and what they have to be.
const forms: Readonly<Record<string, readonly [number: bigint, count: number, check: (fields: Value[]) => void]>> = {
  hello: [1n, 5, hello],
  nonce: [2n, 2, nonce],
  reveal: [3n, 2, fieldsAre(id, isBinary(64))],
  verdict: [4n, 1, fieldsAre((value) => typeof value === "boolean")],
  welcome: [5n, 6, welcome],
  done: [6n, 0, () => undefined],
  refusal: [7n, 1, fieldsAre((value) => isInteger(value, 0n, 256n))],
};

export function readTurn(turn: string, message: Bytes): Value[] {
  const form = forms[turn];
  if (form === undefined) throw new TypeError("turn is none");
  holds(message.length <= maxMessage, "cap.pairing");
  const value = decode(message);
  holds(isArray(value) && value.length > 0, "pairing.message");
  const [number, ...fields] = value;
  holds(Object.values(forms).some(([one, count]) => one === number && count === fields.length), "pairing.message");
  holds(number === form[0], "pairing.turn");
  form[2](fields);
  return value;
}

// When the entry that admits it is to be written: the keys of the devices that are there.
export function areNew([, , keys]: Value[], taken: readonly (readonly Bytes[])[]): void {
  const own = keys as Bytes[];
  holds(taken.every((device) => device.every((key, i) => !equal(key, own[i]!))), "pairing.keys-taken");
}

// What the inviter knows when the joiner reveals its nonce.
export interface Revealed {
  readonly hash: Bytes; // of the handshake
  readonly hello: Bytes; // the message, as it was sent
  readonly nonce: Bytes; // the inviter's
}

export function wordsOf({ hash, hello, nonce }: Revealed, [, joiners, signature]: Value[]): string[] {
  const [, , keys, , commitment] = decode(hello) as Value[];
  const [signing] = keys as Bytes[];
  const revealed = joiners as Bytes;
  holds(equal(H("cs1 pair commit", [hash, revealed]), commitment as Bytes), "pairing.commitment");
  const signed = concat(ascii("cellsync/1 pairing proof\0"), hash, hello);
  holds(verifies(signing!, signed, signature as Bytes), "pairing.proof");
  const digest = H("cs1 words", [hash, nonce, revealed, hello]);
  return Array.from(digest.subarray(0, 4), (byte) => words[byte]!);
}
