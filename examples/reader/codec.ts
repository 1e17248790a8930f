// Canonical msgpack (20-wire): each value has one encoding, so a reader decodes, encodes again, and compares.

import { concat, equal, hex, text, unsigned, utf8, u16, u32, u64, u8, type Bytes } from "./bytes.js";
import { Fault, holds } from "./fault.js";

export class Float {
  constructor(readonly bytes: Bytes) {}
}

export class Mapping {
  constructor(readonly pairs: [string, Value][]) {}
}

export type Value = null | boolean | bigint | Float | string | Bytes | Value[] | Mapping;

export const maxNesting = 8;

// What one value begins with: the bytes of a scalar, or how many values a container claims.
type Head =
  | { is: "nil" }
  | { is: "boolean"; value: boolean }
  | { is: "integer"; value: bigint }
  | { is: "float" | "text" | "binary"; bytes: Bytes }
  | { is: "array" | "map"; size: number };

class Reader {
  at = 0;
  isCanonical = true; // as far as encoding the value again would not show it

  constructor(private readonly bytes: Bytes) {}

  get done(): boolean {
    return this.at === this.bytes.length;
  }

  take(size: number): Bytes {
    holds(this.at + size <= this.bytes.length, "codec.msgpack");
    return this.bytes.subarray(this.at, (this.at += size));
  }

  number(size: number): number {
    return Number(unsigned(this.take(size)));
  }

  head(): Head {
    const first = this.number(1);
    if (first <= 0x7f) return { is: "integer", value: BigInt(first) };
    if (first <= 0x8f) return { is: "map", size: first & 0x0f };
    if (first <= 0x9f) return { is: "array", size: first & 0x0f };
    if (first <= 0xbf) return { is: "text", bytes: this.take(first & 0x1f) };
    if (first >= 0xe0) return { is: "integer", value: BigInt(first - 0x100) };
    switch (first) {
      case 0xc0: return { is: "nil" };
      case 0xc2: case 0xc3: return { is: "boolean", value: first === 0xc3 };
      case 0xc4: case 0xc5: case 0xc6: return { is: "binary", bytes: this.take(this.number(1 << (first - 0xc4))) };
      case 0xca: // float 32: the same value in another encoding
        this.isCanonical = false;
        return { is: "float", bytes: this.take(4) };
      case 0xcb: return { is: "float", bytes: this.take(8) };
      case 0xcc: case 0xcd: case 0xce: case 0xcf:
        return { is: "integer", value: unsigned(this.take(1 << (first - 0xcc))) };
      case 0xd0: case 0xd1: case 0xd2: case 0xd3: {
        const size = 1 << (first - 0xd0);
        return { is: "integer", value: BigInt.asIntN(8 * size, unsigned(this.take(size))) };
      }
      case 0xd9: case 0xda: case 0xdb: return { is: "text", bytes: this.take(this.number(1 << (first - 0xd9))) };
      case 0xdc: case 0xdd: return { is: "array", size: this.number(2 << (first - 0xdc)) };
      case 0xde: case 0xdf: return { is: "map", size: this.number(2 << (first - 0xde)) };
    }
    throw new Fault("codec.msgpack"); // extensions, and the byte that means nothing
  }

  headIfWhole(): Head | undefined {
    try {
      return this.head();
    } catch {
      return undefined;
    }
  }

  value(): Value {
    const head = this.head();
    switch (head.is) {
      case "nil": return null;
      case "boolean": case "integer": return head.value;
      case "float": return new Float(head.bytes);
      case "binary": return head.bytes;
      case "text": return readText(head.bytes);
      case "array": {
        const values: Value[] = [];
        for (let i = 0; i < head.size; i++) values.push(this.value());
        return values;
      }
      case "map": {
        const pairs: [string, Value][] = [];
        for (let i = 0; i < head.size; i++) pairs.push([this.key(), this.value()]);
        if (new Set(pairs.map(([key]) => key)).size < pairs.length) this.isCanonical = false;
        return new Mapping(pairs);
      }
    }
  }

  private key(): string {
    const head = this.head();
    if (head.is !== "text") throw new Fault("codec.msgpack");
    return readText(head.bytes);
  }
}

function readText(bytes: Bytes): string {
  const read = text(bytes);
  if (read === undefined) throw new Fault("codec.msgpack");
  return read;
}

// An element as it stands in the raw bytes: inside of how many containers, whether of the first value or of what follows it.
export interface Element {
  readonly inside: number;
  readonly isContainer: boolean;
}

// What a container claims counts for nothing. Where the bytes stop being msgpack there are no more: the element that is broken
// is the last.
export function* elements(bytes: Bytes): Generator<Element> {
  const reader = new Reader(bytes);
  const due = [1]; // how many elements are still to come, of the value itself and of each container that is open
  while (!reader.done) {
    while (due.length > 1 && due.at(-1) === 0) due.pop();
    const inside = due.length - 1;
    due[inside]!--;
    const head = reader.headIfWhole();
    const isContainer = head?.is === "array" || head?.is === "map";
    if (isContainer) due.push(head.is === "map" ? 2 * head.size : head.size);
    yield { inside, isContainer };
    if (head === undefined) return;
  }
}

export function decode(bytes: Bytes, tooDeep = "cap.nesting"): Value {
  for (const { inside, isContainer } of elements(bytes)) holds(inside + Number(isContainer) <= maxNesting, tooDeep);
  const reader = new Reader(bytes);
  const value = reader.value();
  holds(reader.done, "codec.msgpack");
  holds(reader.isCanonical && equal(encode(value), bytes), "codec.canonical");
  return value;
}

function header(size: number, fixed: number, below: number, codes: [number | undefined, number, number]): Bytes {
  if (size < below) return u8(fixed | size);
  if (codes[0] !== undefined && size < 0x100) return concat(u8(codes[0]), u8(size));
  return size < 0x10000 ? concat(u8(codes[1]), u16(size)) : concat(u8(codes[2]), u32(size));
}

function integer(value: bigint): Bytes {
  if (value >= 0n) {
    if (value < 0x80n) return u8(Number(value));
    if (value < 1n << 8n) return concat(u8(0xcc), u8(Number(value)));
    if (value < 1n << 16n) return concat(u8(0xcd), u16(Number(value)));
    return value < 1n << 32n ? concat(u8(0xce), u32(Number(value))) : concat(u8(0xcf), u64(value));
  }
  if (value >= -0x20n) return u8(Number(value) + 0x100);
  if (value >= -(1n << 7n)) return concat(u8(0xd0), u8(Number(value) + 0x100));
  if (value >= -(1n << 15n)) return concat(u8(0xd1), u16(Number(value) + 0x10000));
  if (value >= -(1n << 31n)) return concat(u8(0xd2), u32(Number(BigInt.asUintN(32, value))));
  return concat(u8(0xd3), u64(BigInt.asUintN(64, value)));
}

export function encode(value: Value): Bytes {
  if (value === null) return u8(0xc0);
  if (typeof value === "boolean") return u8(value ? 0xc3 : 0xc2);
  if (typeof value === "bigint") return integer(value);
  if (value instanceof Float) return concat(u8(0xcb), value.bytes);
  if (typeof value === "string") {
    const bytes = utf8(value);
    return concat(header(bytes.length, 0xa0, 0x20, [0xd9, 0xda, 0xdb]), bytes);
  }
  if (value instanceof Uint8Array) return concat(header(value.length, 0, 0, [0xc4, 0xc5, 0xc6]), value);
  if (Array.isArray(value)) return concat(header(value.length, 0x90, 0x10, [undefined, 0xdc, 0xdd]), ...value.map(encode));
  const pairs = value.pairs.flatMap(([key, one]) => [encode(key), encode(one)]);
  return concat(header(value.pairs.length, 0x80, 0x10, [undefined, 0xde, 0xdf]), ...pairs);
}

const exact = 1n << 53n;

// The form of a value in an answer (06-vectors): no two values look alike.
export function toJson(value: Value): unknown {
  if (typeof value === "bigint") return -exact <= value && value <= exact ? Number(value) : { int: String(value) };
  if (value instanceof Float) return { float: hex(value.bytes) };
  if (value instanceof Uint8Array) return { bin: hex(value) };
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Mapping) return { map: value.pairs.map(([key, one]) => [key, toJson(one)]) };
  return value;
}
