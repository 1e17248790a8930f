// The forms of control entries (40-membership).

import { compare, text, type Bytes } from "./bytes.js";
import { type Value } from "./codec.js";
import { holds } from "./fault.js";
import { isArray, isBytes, isInteger } from "./form.js";
import { isSealKey, isSessionKey, isSigningKey } from "./key.js";

export const kindCase = 0;
export const kindFound = 1;
export const kindAdmit = 2;
export const kindRequire = 13;
export const kindRecovery = 14;

export enum Role {
  reader = 1,
  writer = 2,
  coordinator = 3,
}

export interface Keys {
  readonly signing: Bytes;
  readonly session: Bytes;
  readonly seal: Bytes;
}

// What an entry of kind `found` or `admit` says: keys, and what their device may do.
export interface Introduction {
  readonly keys: Keys;
  readonly role: Role;
  readonly names: readonly string[]; // claimed: of a `found` the circle's and the member's, of an `admit` the member's
}

// The public halves of a recovery key, as a `found` or a `recovery` brings it in.
export interface Paper {
  readonly signing: Bytes;
  readonly seal: Bytes | undefined; // not of an older `found`
  readonly replaces: readonly (readonly [entry: Bytes, signature: Bytes])[];
}

export const wrapSize = 1168;
const nameSize = 256;

export function isName(value: Value | undefined): boolean {
  if (typeof value !== "string") return false;
  const size = Buffer.byteLength(value);
  return 1 <= size && size <= nameSize;
}

export function nameFrom(bytes: Bytes): string {
  const name = text(bytes);
  holds(name !== undefined && isName(name), "entry.name");
  return name;
}

export function isDeviceKeys(value: Value | undefined): value is [Bytes, Bytes, Bytes] {
  if (!isArray(value, 3)) return false;
  const [signing, session, seal] = value;
  const areBytes = isBytes(signing) && isBytes(session) && isBytes(seal);
  return areBytes && isSigningKey(signing) && isSessionKey(session) && isSealKey(seal);
}

export function readKeys(value: Value | undefined): Keys {
  holds(isDeviceKeys(value), "entry.keys");
  const [signing, session, seal] = value;
  return { signing, session, seal };
}

function isRecovery(value: Value | undefined): boolean {
  if (!isArray(value, 2)) return false;
  const [signing, seal] = value;
  return isBytes(signing) && isSigningKey(signing) && isBytes(seal) && isSealKey(seal);
}

function readNames(content: Value, count: number): string[] {
  holds(isArray(content, count), "entry.control");
  for (const name of content) holds(isName(name), "entry.name");
  return content as string[];
}

// The older form has a recovery key that only signs, and nothing is sealed to it.
export function readFound(shape: Value, content: Value): Introduction {
  holds(isArray(shape, 3), "entry.control");
  const [recovery, keys, rotation] = shape;
  const isOlder = isBytes(recovery);
  holds(isOlder ? isSigningKey(recovery) : isRecovery(recovery), "entry.control");
  holds(isArray(rotation, isOlder ? 3 : 4), "entry.control");
  const [commitment, day, ...wraps] = rotation;
  holds(isBytes(commitment, 32) && isInteger(day, 0n, 1n << 32n), "entry.control");
  holds(wraps.every((wrap) => isBytes(wrap, wrapSize)), "entry.control");
  return { keys: readKeys(keys), role: Role.coordinator, names: readNames(content, 2) };
}

export function readAdmit(shape: Value, content: Value): Introduction {
  holds(isArray(shape, 2), "entry.control");
  const [role, keys] = shape;
  holds(isInteger(role, 1n, 4n), "entry.role");
  return { keys: readKeys(keys), role: Number(role), names: readNames(content, 1) };
}

const maxReplaced = 16;

function isRequire(shape: Value): boolean {
  return isArray(shape, 1) && isInteger(shape[0], 1n, 256n);
}

// Each key that gives way is named by its entry, and has signed.
function isReplaced(row: Value): row is [Bytes, Bytes] {
  return isArray(row, 2) && isBytes(row[0], 32) && isBytes(row[1], 64);
}

function isRecoveryEntry(shape: Value): boolean {
  if (!isArray(shape, 2)) return false;
  const [recovery, replaced] = shape;
  if (!isArray(replaced) || replaced.length > maxReplaced || !replaced.every(isReplaced)) return false;
  return isRecovery(recovery) && replaced.every(([id], i) => i === 0 || compare(replaced[i - 1]![0], id) < 0);
}

// The kinds to which this edition gives a form, without `found` and `admit`: what lacks it is void, and never at fault.
const forms: ReadonlyMap<number, (shape: Value) => boolean> = new Map([
  [kindRequire, isRequire],
  [kindRecovery, isRecoveryEntry],
]);

// Of a shape that has its form.
export function paperOf(kind: number, shape: Value): Paper | undefined {
  if (kind !== kindFound && kind !== kindRecovery) return undefined;
  const [keys, rows] = shape as [Bytes | [Bytes, Bytes], [Bytes, Bytes][]];
  const [signing, seal] = Array.isArray(keys) ? keys : [keys, undefined];
  return { signing, seal, replaces: kind === kindFound ? [] : rows };
}

export function requiredBy(kind: number, shape: Value): number | undefined {
  return kind === kindRequire ? Number((shape as bigint[])[0]) : undefined;
}

export function isKnown(kind: number, shape: Value, content: Value): boolean {
  return content === null && (forms.get(kind)?.(shape) ?? false);
}
