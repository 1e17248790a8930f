// The ids and tables in shapes of control entries (40-membership): ascending and all different.

import { compare, type Bytes } from "./bytes.js";
import { type Value } from "./codec.js";
import { isArray, isBytes } from "./form.js";

export function isId(value: Value | undefined): value is Bytes {
  return isBytes(value, 32);
}

function areAscending<T>(keys: readonly T[], order: (one: T, other: T) => number): boolean {
  return keys.every((key, i) => i === 0 || order(keys[i - 1]!, key) < 0);
}

export function isIds(value: Value | undefined, least: number, most: number): value is Bytes[] {
  return isArray(value) && least <= value.length && value.length <= most && value.every(isId) && areAscending(value, compare);
}

// Rows of an id and of what fits behind it.
export function isTable(
  value: Value | undefined, fits: (value: Value) => boolean, least: number, most: number,
): value is [Bytes, Value][] {
  if (!isArray(value) || value.length < least || value.length > most) return false;
  if (!value.every((row): row is [Bytes, Value] => isArray(row, 2) && isId(row[0]) && fits(row[1]!))) return false;
  return areAscending(value.map(([id]) => id), compare);
}

// Rows of a number and a value, which are both integers below these.
export function isNumbered(value: Value | undefined, most: number, below: bigint): value is [bigint, bigint][] {
  if (!isArray(value) || value.length < 1 || value.length > most) return false;
  const isRow = (row: Value): row is [bigint, bigint] => {
    if (!isArray(row, 2)) return false;
    const [number, said] = row;
    return typeof number === "bigint" && 1n <= number && number < 256n && typeof said === "bigint" && 0n <= said && said < below;
  };
  return value.every(isRow) && areAscending(value.map(([number]) => number), (one, other) => (one < other ? -1 : 1));
}
