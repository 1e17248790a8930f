// What a decoded value has to be. A boolean is not an integer (20-wire), and every integer is a bigint here.

import { type Bytes } from "./bytes.js";
import { type Value } from "./codec.js";

export function isBytes(value: Value | undefined, size?: number): value is Bytes {
  return value instanceof Uint8Array && (size === undefined || value.length === size);
}

export function isArray(value: Value | undefined, size?: number): value is Value[] {
  return Array.isArray(value) && (size === undefined || value.length === size);
}

export function isInteger(value: Value | undefined, from: bigint, below: bigint): value is bigint {
  return typeof value === "bigint" && from <= value && value < below;
}
