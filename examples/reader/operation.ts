// The operations of a case entry: their form (30-history), and what is ill-typed (35-cases).

import { type Bytes } from "./bytes.js";
import { type Value } from "./codec.js";
import { holds } from "./fault.js";
import { isArray, isBytes, isInteger } from "./form.js";

export const refSize = 10;
export const sourceKeySize = 16;

export type Type = "register" | "set" | "map" | "counter" | "log";

type Does = "create" | "write" | "remove" | "count" | "append" | "correct" | "retract";
type Detail = (detail: Value) => boolean;

const refs: Detail = (detail) => isBytes(detail) && detail.length % refSize === 0;
const ref: Detail = (detail) => isBytes(detail, refSize);
const nil: Detail = (detail) => detail === null;
const sourceKey: Detail = (detail) => detail === null || isBytes(detail, sourceKeySize);
const schemaVersion: Detail = (detail) => isInteger(detail, 0n, 1n << 32n);
const unknown: Detail = (detail) => detail === null || isBytes(detail) || typeof detail === "bigint";

export interface Kind {
  readonly does: Does;
  readonly type: Type | undefined;
  readonly detail: Detail;
}

// By tag.
const kinds: readonly Kind[] = [
  { does: "create", type: undefined, detail: schemaVersion },
  { does: "write", type: "register", detail: refs },
  { does: "write", type: "set", detail: nil },
  { does: "remove", type: "set", detail: refs },
  { does: "write", type: "map", detail: refs },
  { does: "remove", type: "map", detail: refs },
  { does: "count", type: "counter", detail: nil },
  { does: "append", type: "log", detail: sourceKey },
  { does: "correct", type: "log", detail: ref },
  { does: "retract", type: "log", detail: ref },
];

export interface Operation {
  readonly kind: Kind | undefined; // undefined: a tag that this version does not know
  readonly field: string;
  readonly detail: Value;
}

export function readOperation(row: Value): Operation {
  holds(isArray(row, 3), "entry.operation");
  const [tag, field, detail] = row;
  holds(typeof tag === "bigint" && tag >= 0n && typeof field === "string" && detail !== undefined, "entry.operation");
  const kind = kinds[Number(tag)];
  holds((kind?.detail ?? unknown)(detail), "entry.operation");
  return { kind, field, detail };
}

export function readOperations(shape: Value): Operation[] {
  holds(isArray(shape) && shape.length > 0, "entry.operations");
  return shape.map(readOperation);
}

export function refsIn(detail: Bytes): Bytes[] {
  const found: Bytes[] = [];
  for (let at = 0; at < detail.length; at += refSize) found.push(detail.subarray(at, at + refSize));
  return found;
}

const greatest = 1n << 53n;

export function isIllTyped(operation: Operation, value: Value): boolean {
  if (operation.kind?.does === "count") return !isInteger(value, -greatest, greatest + 1n);
  return operation.kind?.type === "map" && operation.kind.does === "write" && !isArray(value, 2);
}
