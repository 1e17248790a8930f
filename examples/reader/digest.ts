// The digests of a state (35-cases): 32 bytes in which two devices that hold the same entries agree.

import { fromHex, hex, type Bytes } from "./bytes.js";
import { encode, type Value } from "./codec.js";
import { fold, live, sum, type Case, type Field, type Written } from "./fold.js";
import { H } from "./hash.js";
import { casesOf, foldedOf, type History } from "./history.js";

function row(one: Written, value: Value): Value[] {
  return [value, one.entry.device, one.entry.clock, one.entry.height, one.ref];
}

function create(one: Written): Value[] {
  const { operation, entry } = one;
  return [one.ref, [operation.field, operation.detail], entry.device, entry.clock, entry.height];
}

function said(one: Written): Value[] {
  return [one.ref, one.operation.kind!.does, one.operation.detail, encode(row(one, one.value))];
}

function rows(field: Field): Value {
  if (field.type === "counter") return String(sum(field));
  return field.type === "log" ? field.written.map(said) : live(field).map((one) => row(one, one.value));
}

export function stateDigest({ creates, fields }: Case): Bytes {
  const shown = fields.map((field): Value[] => [field.type, field.name, rows(field)]);
  const kept = shown.filter(([, , rows]) => typeof rows === "string" || (rows as Value[]).length > 0);
  return H("cs1 state", [encode(creates.map(create)), ...kept.map(encode)]);
}

export interface Document {
  readonly id: string;
  readonly state: Case;
}

// Ascending by id. What names the circle's own case makes no document.
export function documentsOf(history: History): Document[] {
  return [...casesOf(history)]
    .filter(([id]) => id !== hex(history.circle))
    .map(([id, entries]) => ({ id, state: fold(entries.map(foldedOf)) }));
}

// Of a whole circle.
export function circleDigest(documents: readonly Document[]): Bytes {
  return H("cs1 state", documents.flatMap(({ id, state }) => [fromHex(id), stateDigest(state)]));
}
