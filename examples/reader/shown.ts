// A case as people read it (35-cases): what is displayed of each field, and all that was said in its place.

import { ascii, compare, hex, utf8 } from "./bytes.js";
import { encode, toJson, type Value } from "./codec.js";
import { inOrder, live, sum, type Case, type Field, type Written } from "./fold.js";

const newestFirst = (a: Written, b: Written): number => inOrder(b, a);
const key = (value: Value): string => hex(encode(value));

// Of several values the first is displayed; more than one different value is a conflict. An equal one counts once.
function distinct(values: Value[]): Value[] {
  return [...new Map(values.map((value) => [key(value), value])).values()];
}

function ordered(values: Value[]): Value[] {
  return distinct(values).sort((a, b) => compare(encode(a), encode(b)));
}

function register(written: readonly Written[], value = (one: Written) => one.value): Value[] {
  return distinct([...written].sort(newestFirst).map(value));
}

function pairOf({ value }: Written): [Value, Value] {
  return value as [Value, Value];
}

function elements(field: Field): Value[] {
  return ordered(live(field).map(({ value }) => value));
}

function map(field: Field): { name: Value; values: Value[] }[] {
  const puts = live(field);
  return ordered(puts.map((one) => pairOf(one)[0])).map((name) => {
    const values = puts.filter((one) => key(pairOf(one)[0]) === key(name));
    return { name, values: register(values, (one) => pairOf(one)[1]) };
  });
}

interface Item {
  readonly current: Value[];
  readonly retracted: boolean;
}

function isOf(role: string): (one: Written) => boolean {
  return ({ operation }) => operation.kind!.does === role;
}

function names(one: Written, refs: ReadonlySet<string>): boolean {
  return refs.has(hex(one.operation.detail as Uint8Array));
}

function log({ written }: Field): Item[] {
  const corrections = written.filter(isOf("correct"));
  const retractions = written.filter(isOf("retract"));
  const items = new Map<string, Written[]>(); // appends with the same source key are one item
  for (const append of written.filter(isOf("append")).sort(inOrder)) {
    const source = append.operation.detail === null ? hex(append.ref) : `source ${hex(append.operation.detail as Uint8Array)}`;
    items.set(source, [...(items.get(source) ?? []), append]);
  }
  return [...items.values()].map((appends) => itemOf(appends, corrections, retractions));
}

function isFirstOfItsValue({ value }: Written, at: number, all: Written[]): boolean {
  return all.findIndex((other) => key(other.value) === key(value)) === at;
}

function itemOf(appends: Written[], corrections: Written[], retractions: Written[]): Item {
  const refs = new Set(appends.map(({ ref }) => hex(ref)));
  const of = new Set<Written>();
  for (let before = -1; before < of.size;) {
    before = of.size;
    for (const one of corrections.filter((one) => names(one, refs))) {
      of.add(one);
      refs.add(hex(one.ref));
    }
  }
  const corrected = new Set([...of].map(({ operation }) => hex(operation.detail as Uint8Array)));
  const newest = [...of].filter(({ ref }) => !corrected.has(hex(ref)));
  return {
    current: register(of.size === 0 ? appends.filter(isFirstOfItsValue) : newest),
    retracted: retractions.some((one) => names(one, refs)),
  };
}

function whole(one: Field): object {
  switch (one.type) {
    case "register": return { values: register(live(one)).map(toJson) };
    case "set": return { elements: elements(one).map(toJson) };
    case "map": return { keys: map(one).map(({ name, values }) => [toJson(name), values.map(toJson)]) };
    case "counter": return { sum: String(sum(one)) };
    case "log": return { items: log(one).map(({ current, retracted }) => ({ values: current.map(toJson), retracted })) };
  }
}

// All of it, with every value that is in conflict.
export function showCase({ kind, version, fields }: Case): object {
  return { kind, version, fields: fields.map((one) => ({ name: one.name, type: one.type, ...whole(one) })) };
}

// What is displayed first; undefined if there is nothing to see.
function displayed(one: Field): Value | undefined {
  switch (one.type) {
    case "register": return register(live(one))[0];
    case "set": return someOf(elements(one));
    case "map": return someOf(map(one).map(({ name, values }) => [name, values[0]!]));
    case "counter": return sum(one);
    case "log": return someOf(log(one))?.filter(({ retracted }) => !retracted).map(({ current }) => current[0]!);
  }
}

function someOf<T>(values: T[]): T[] | undefined {
  return values.length === 0 ? undefined : values;
}

// As the vectors have it: `[[field, type, value], …]`, ascending by field and type.
export function displayedFields({ fields }: Case): unknown[] {
  const shown = fields.map((one) => ({ name: utf8(one.name), type: ascii(one.type), one, value: displayed(one) }));
  return shown
    .sort((a, b) => compare(a.name, b.name) || compare(a.type, b.type))
    .flatMap(({ one, value }) => (value === undefined ? [] : [[one.name, one.type, toJson(value)]]));
}
