// An entry: its header, its id, what its author signs, and the form of what it says (30-history).

import { ascii, compare, concat, equal, u32, u64, u8, unsigned, zeros32, type Bytes } from "./bytes.js";
import { decode, elements, encode, type Value } from "./codec.js";
import { kindAdmit, kindCase, kindFound, isKnown, readAdmit, paperOf, readFound, requiredBy, type Introduction, type Paper } from "./control.js";
import { holds } from "./fault.js";
import { isArray } from "./form.js";
import { H } from "./hash.js";
import { readOperations, type Operation } from "./operation.js";

export const saltSize = 16;
export const maxEntry = 64_512;
export const maxParents = 64;
export const maxClock = 1n << 63n;
const maxElements = 4096;
const maxElementsOfValue = 1024;

export enum Form {
  full,
  erased,
  skeleton,
  detached,
}

// Where an entry stands: it travels only as the row of a chain and a count.
export interface Place {
  readonly circle: Bytes;
  readonly device: Bytes;
  readonly incarnation: Bytes;
  readonly sequence: bigint;
  readonly previous: Bytes;
}

// A shape or a content as the header has it.
export interface Hashed {
  readonly hash: Bytes;
  readonly length: number;
}

// The rest of a header: all that the id depends on, and nothing of what was written.
export interface Outline {
  readonly height: bigint;
  readonly clock: bigint;
  readonly kind: number;
  readonly shape: Hashed;
  readonly content: Hashed;
  readonly parents: readonly Bytes[];
}

export function hashShape(within: Bytes, shape: Bytes): Hashed {
  return { hash: H("cs1 shape", [within, shape]), length: shape.length };
}

export function hashContent(content: Bytes): Hashed {
  return { hash: H("cs1 content", content), length: content.length };
}

// As it stands in a row of which only the hash is left.
export function readHashed(bytes: Bytes): Hashed {
  return { hash: bytes.subarray(0, 32), length: Number(unsigned(bytes, 32, 4)) };
}

export function headerOf(place: Place, outline: Outline): Bytes {
  const { shape, content, parents } = outline;
  return concat(
    u8(1), place.circle, place.device, place.incarnation, u64(place.sequence), place.previous,
    u64(outline.height), u64(outline.clock), u8(outline.kind), shape.hash, content.hash, u32(shape.length), u32(content.length),
    u8(parents.length), ...[...parents].sort(compare),
  );
}

export function idOf(header: Bytes): Bytes {
  return H("cs1 entry", header);
}

export function signedBytes(id: Bytes): Bytes {
  return concat(ascii("cellsync/1 entry signature\0"), id);
}

// In a `found` circle, device and case are zeros, because its id becomes all three.
export function beforeItsId(place: Place): Place {
  return { ...place, circle: zeros32, device: zeros32 };
}

// What an entry says, once its form has been examined.
export interface Meaning {
  readonly opaque: boolean;
  readonly operations: readonly Operation[]; // of a case entry
  readonly values: readonly Value[]; // as many
  readonly introduction: Introduction | undefined; // of a `found` or an `admit`
  readonly paper?: Paper | undefined; // of a `found` or a `recovery`
  readonly required?: number | undefined; // of a `require`
  readonly unknown: boolean; // a kind without a form in this edition, or another form than that
}

const nothing: Meaning = { opaque: false, operations: [], values: [], introduction: undefined, unknown: false };

// Whether it has too many elements: counted on the raw bytes, from the first on, whatever they are.
export function isOpaque(shape: Bytes, content: Bytes): boolean {
  let all = 0;
  for (const _ of elements(shape)) if (++all > maxElements) return true;
  let ofValue = 0;
  for (const { inside } of elements(content.subarray(saltSize))) {
    ofValue = inside === 1 ? 1 : ofValue + 1;
    if (++all > maxElements || (inside > 0 && ofValue > maxElementsOfValue)) return true;
  }
  return false;
}

export function readMeaning(kind: number, shape: Bytes, content: Bytes): Meaning {
  holds(shape.length + content.length <= maxEntry, "cap.entry");
  holds(content.length >= saltSize, "entry.content");
  const introduces = kind === kindFound || kind === kindAdmit;
  if (isOpaque(shape, content)) {
    holds(!introduces, "entry.control");
    return { ...nothing, opaque: true, unknown: kind !== kindCase };
  }
  const read = decode(shape);
  const said = decode(content.subarray(saltSize));
  if (introduces) {
    const introduction = kind === kindFound ? readFound(read, said) : readAdmit(read, said);
    return { ...nothing, introduction, paper: paperOf(kind, read) };
  }
  if (kind !== kindCase) {
    if (!isKnown(kind, read, said)) return { ...nothing, unknown: true };
    return { ...nothing, paper: paperOf(kind, read), required: requiredBy(kind, read) };
  }
  const operations = readOperations(read);
  holds(isArray(said, operations.length), "entry.content");
  return { ...nothing, operations, values: said };
}

// Of an entry that came without its content, or is an outline only: whom it introduces, under whatever name.
export function withheldMeaning(kind: number, form: Form, shape: Bytes): Meaning {
  if (form === Form.skeleton || (kind !== kindFound && kind !== kindAdmit)) return { ...nothing, unknown: true };
  return readMeaning(kind, shape, concat(new Uint8Array(saltSize), encode(kind === kindFound ? ["?", "?"] : ["?"])));
}

export function checkParents(parents: readonly Bytes[]): void {
  holds(parents.length <= maxParents, "cap.parents");
  const sorted = [...parents].sort(compare);
  holds(sorted.every((parent, i) => i === 0 || !equal(parent, sorted[i - 1]!)), "entry.twice");
}
