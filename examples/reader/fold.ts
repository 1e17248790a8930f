// The state that a set of operations makes (35-cases), kept as what its digest covers.

import { compare, concat, u16, type Bytes, hex } from "./bytes.js";
import { type Value } from "./codec.js";
import { isIllTyped, refsIn, type Operation, type Type } from "./operation.js";

const maxOperations = 131_072; // of one device

// What is folded of an entry.
export interface Folded {
  readonly id: Bytes;
  readonly device: Bytes;
  readonly incarnation: Bytes;
  readonly sequence: bigint;
  readonly height: bigint;
  readonly clock: bigint;
  readonly operations: readonly Operation[];
  readonly values: readonly Value[];
}

// One operation with its value and its author.
export interface Written {
  readonly ref: Bytes;
  readonly operation: Operation;
  readonly value: Value;
  readonly entry: Folded;
}

export interface Field {
  readonly type: Type;
  readonly name: string;
  readonly written: readonly Written[]; // all operations that are well-typed, ascending by ref
}

export interface Case {
  readonly kind: string;
  readonly version: number;
  readonly creates: readonly Written[]; // ascending by ref
  readonly fields: readonly Field[]; // in the order of the types, then of the names
}

const types: readonly Type[] = ["register", "set", "map", "counter", "log"];

// Entries of each device, in their order, until the first that would exceed its room.
function withRoom(entries: readonly Folded[]): Folded[] {
  const ordered = [...entries].sort((a, b) =>
    compare(a.incarnation, b.incarnation) || Number(a.sequence - b.sequence) || compare(a.id, b.id));
  const used = new Map<string, number>();
  return ordered.filter(({ device, operations }) => {
    const sum = (used.get(hex(device)) ?? 0) + operations.length;
    used.set(hex(device), sum > maxOperations ? Infinity : sum);
    return sum <= maxOperations;
  });
}

export function fold(entries: readonly Folded[]): Case {
  const written = withRoom(entries)
    .flatMap((entry) => entry.operations.map((operation, i): Written => ({
      ref: concat(entry.id.subarray(0, 8), u16(i)), operation, value: entry.values[i]!, entry,
    })))
    .filter(({ operation, value }) => operation.kind !== undefined && !isIllTyped(operation, value))
    .sort((a, b) => compare(a.ref, b.ref));
  const creates = written.filter(({ operation }) => operation.kind!.does === "create");
  const first = [...creates].sort(inOrder)[0];
  const kind = first?.operation.field ?? "";
  const versions = creates.filter(({ operation }) => operation.field === kind).map(({ operation }) => Number(operation.detail));
  return { kind, version: Math.max(0, ...versions), creates, fields: fieldsOf(written) };
}

function fieldsOf(written: readonly Written[]): Field[] {
  const fields = new Map<string, { type: Type; name: string; written: Written[] }>();
  for (const one of written) {
    const { kind, field: name } = one.operation;
    if (kind?.type === undefined) continue;
    const key = `${kind.type} ${name}`;
    if (!fields.has(key)) fields.set(key, { type: kind.type, name, written: [] });
    fields.get(key)!.written.push(one);
  }
  return [...fields.values()].sort((a, b) =>
    types.indexOf(a.type) - types.indexOf(b.type) || compare(Buffer.from(a.name), Buffer.from(b.name)));
}

// Ascending by (height, ref). The clock orders nothing.
export function inOrder(a: Written, b: Written): number {
  return Number(a.entry.height - b.entry.height) || compare(a.ref, b.ref);
}

// Of a register, a set or a map: what was written and is named by no operation of the field.
export function live({ written }: Field): Written[] {
  const details = written.map(({ operation }) => operation.detail);
  const named = new Set(details.flatMap((detail) => (detail instanceof Uint8Array ? refsIn(detail).map(hex) : [])));
  return written.filter(({ operation, ref }) => operation.kind!.does === "write" && !named.has(hex(ref)));
}

export function sum({ written }: Field): bigint {
  return written.reduce((all, { value }) => all + (value as bigint), 0n);
}

